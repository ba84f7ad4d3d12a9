import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';
import { nodeProgram } from './node-versions.ts';

const PROGRAM = `
import { createServer, get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as zlib from 'node:zlib';
const { Counter } = await import(process.argv[1] + '/index.js');
const { createEndpoint } = await import(process.argv[1] + '/http.js');
const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['i'] });
for (let i = 0; i < 2000; i++) jobs.labels({ i }).inc(i);
const server = createServer(createEndpoint({ enabled: true }).handler).listen(0, '127.0.0.1', async () => {
  const answers = [];
  for (const accepted of JSON.parse(process.argv[2])) {
    const headers = { 'Accept-Encoding': accepted };
    const answer = await new Promise((resolve) => get({ port: server.address().port, path: '/metrics', headers }, resolve));
    const bytes = await buffer(answer);
    const encoding = answer.headers['content-encoding'] ?? 'identity';
    const unpack = { zstd: zlib.zstdDecompressSync, gzip: zlib.gunzipSync, identity: (page) => page }[encoding];
    answers.push({ encoding, vary: answer.headers.vary, size: bytes.length, page: unpack(bytes).toString() });
  }
  process.stdout.write(JSON.stringify(answers), () => process.exit()); // not before all of it is in the pipe
});
`;

interface Answer {
  readonly encoding: string;
  readonly size: number;
  readonly page: string;
}

describe.each(['22', '26'])('Node %s has zstd', (version) => {
  test('and whoever prefers it gets it', () => {
    const accepted = ['zstd', 'zstd, gzip;q=0.9', 'gzip;q=0.9, zstd;q=0.8', 'zstd;q=0, gzip', 'zstd;q=0'];
    const dist = pathToFileURL(join(ROOT, 'dist')).href;
    const parameters = ['--input-type=module', '-e', PROGRAM, dist, JSON.stringify(accepted)];
    const output = execFileSync(nodeProgram(version), parameters, { encoding: 'utf8', maxBuffer: 1 << 26 });
    const answers = JSON.parse(output) as Answer[];
    expect(answers.map(({ encoding }) => encoding)).toEqual(['zstd', 'zstd', 'gzip', 'gzip', 'identity']);
    for (const { encoding, size, page } of answers) {
      expect(page.match(/^jobs_total\{/gm)).toHaveLength(2000);
      expect(page).toContain('\njobs_total{i="1999"} 1999\n');
      if (encoding !== 'identity') expect(size).toBeLessThan(page.length / 5);
    }
  });
});

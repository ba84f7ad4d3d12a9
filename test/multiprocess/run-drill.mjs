// `npm run drill`: the drills with their full figures; prints a table, and keeps it in
// test/faults/results.md.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'promenade-drill-'));
const results = join(folder, 'results.jsonl');
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--no-file-parallelism', 'test/multiprocess', 'test/faults', 'test/store'],
  {
    stdio: 'inherit',
    env: { ...process.env, PROMENADE_DRILL: 'full', PROMENADE_DRILL_RESULTS: results },
  },
);
const lines = existsSync(results) ? readFileSync(results, 'utf8').trim().split('\n') : [];
rmSync(folder, { recursive: true });

const rows = lines.map((line) => JSON.parse(line));
const say = (figures) => Object.entries(figures).map(([what, figure]) => `${what}: ${figure}`);
const table = rows.map(({ drill, figures }) => `| ${drill} | ${say(figures).join('; ')} |`);
const text = `# Fault drills, full figures

\`npm run drill\` writes this; Node ${process.versions.node}, ${process.platform}, ${cpus().length} cores. ${status === 0 ? 'All passed.' : 'Some failed.'}

| drill | figures |
| --- | --- |
${table.join('\n')}
`;
writeFileSync(fileURLToPath(new URL('../faults/results.md', import.meta.url)), text);
process.stdout.write(text);
process.exitCode = status ?? 1;

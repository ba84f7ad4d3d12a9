import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** One series of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A Prometheus server (Debian's) that scrapes what its configuration says. */
export interface PrometheusServer {
  query(expression: string): Promise<Sample[]>;
  /** The value of an expression that gives one series. */
  one(expression: string): Promise<number>;
  /** What another path of its API answers. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts one. `files` are written beside its configuration, which can name them. */
export async function startPrometheus(
  config: string,
  files: Readonly<Record<string, string>> = {},
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-test-'));
  const configFile = join(folder, 'prometheus.yml');
  for (const [name, text] of Object.entries({ ...files, 'prometheus.yml': config })) {
    writeFileSync(join(folder, name), text);
  }
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const server = spawn(
    'prometheus',
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let printed = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  while (!(await fetch(`${api}/-/ready`).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) throw new Error(`prometheus did not start: ${printed}`);
    await sleep(100);
  }

  async function get(path: string): Promise<unknown> {
    const { status, data } = (await (await fetch(api + path)).json()) as { status: string; data: unknown };
    expect({ path, status }).toEqual({ path, status: 'success' });
    return data;
  }
  async function query(expression: string): Promise<Sample[]> {
    const data = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (data as { result: Sample[] }).result;
  }
  return {
    get,
    query,
    async one(expression) {
      const result = await query(expression);
      expect({ expression, series: result.length }).toEqual({ expression, series: 1 });
      return Number(result[0]!.value[1]);
    },
    async stop() {
      if (server.kill()) await once(server, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

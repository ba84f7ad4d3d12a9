import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'inventory/dist/main.js');

/** For hooks that start the application, on machines that are busy with other tests. */
export const startTimeoutMs = 60_000;

export const token = 'test-token';
export const password = 'test-password';

/** A running inventory with a database of its own. */
export interface Inventory {
  readonly origin: string;
  readonly primary: ChildProcess;
  /** What all processes have printed so far. */
  output(): string;
  /** Calls the API; `body` is sent as JSON, with the token unless `headers` say otherwise. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
  /** Asks, over new connections, until this many web processes have answered. */
  pids(count: number): Promise<number[]>;
  /** Stops it as Ctrl-C does, and deletes its files. */
  stop(): Promise<void>;
}

interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // The tests look into answers of many shapes; a wrong guess fails them.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

/** Starts the built application on a free port, and waits until all web processes listen. */
export async function startInventory(
  env: Record<string, string> = {},
  args: string[] = [],
  command: readonly [string, ...string[]] = [process.execPath, main],
): Promise<Inventory> {
  const folder = mkdtempSync(join(tmpdir(), 'inventory-test-'));
  const { child, output, ended } = runInventory(folder, { PORT: '0', ...env }, args, command);
  const origin = await Promise.race([readyAt(child, output), ended.then(() => undefined)]);
  if (!origin) throw new Error(`inventory did not start: ${output()}`);
  return {
    origin,
    primary: child,
    output,
    async api(method, path, body, headers = { authorization: `Token ${token}` }) {
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const init = { method, headers: { ...json, ...headers } };
      const answer = await fetch(origin + path, body === undefined ? init : { ...init, body: JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, json: text === '' ? undefined : JSON.parse(text) };
    },
    async pids(count) {
      const found = new Set<number>();
      while (found.size < count) {
        const answer = await fetch(`${origin}/api/status`, { headers: { connection: 'close' } });
        found.add(((await answer.json()) as { pid: number }).pid);
      }
      return [...found];
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts the built application and waits for its end, for starts that fail. */
export async function runToEnd(
  env: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'inventory-test-'));
  const { child, output, ended } = runInventory(folder, { PORT: '0', ...env }, args, [process.execPath, main]);
  await ended;
  rmSync(folder, { recursive: true, force: true });
  return { code: child.exitCode, output: output() };
}

const running: Set<ChildProcess> = new Set();

// A test that fails does not come to its own stop.
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

function runInventory(
  folder: string,
  env: Record<string, string>,
  args: string[],
  [program, ...first]: readonly [string, ...string[]],
) {
  const child = spawn(program, [...first, ...args], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      TMPDIR: folder,
      DATABASE_URL: `file:${join(folder, 'inventory.sqlite')}`,
      METRICS_ENABLED: 'true',
      INVENTORY_TOKEN: token,
      INVENTORY_PASSWORD: password,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  return { child, output: () => printed, ended: once(child, 'close') };
}

async function readyAt(child: ChildProcess, output: () => string): Promise<string> {
  for (;;) {
    const origin = /Pages +(http:\/\/\S+)\//.exec(output())?.[1];
    if (origin) return origin;
    await once(child.stdout!, 'data');
  }
}

/** Whether a process with this id lives. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

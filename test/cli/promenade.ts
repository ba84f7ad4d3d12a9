import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ROOT } from '../support/modules.ts';

/** The command as it ships. */
const PROGRAM = join(ROOT, 'dist/cli/main.js');

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of the test's own environment says anything about metrics. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const rest = Object.entries(process.env).filter(
    ([name]) => !/^(METRICS_|PROMETHEUS_|PUSHGATEWAY_|NODE_OPTIONS|NO_COLOR|FORCE_COLOR)/i.test(name),
  );
  return { ...Object.fromEntries(rest), ...more };
}

/** Runs the command to its end. */
export async function promenade(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return ended(
    spawn(process.execPath, [PROGRAM, ...args], { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

/** Collects what a process says until it ends. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}

/** A `promenade serve` at work. */
export interface Serving {
  readonly process: ChildProcess;
  /** Of the page. */
  readonly url: string;
  readonly origin: string;
  /** What it has complained of so far. */
  complaints(): string;
  /** Tells it to end; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `promenade serve` on a free port; it does not outlive the test. */
export async function startServe(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Serving> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--port=0', ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const [line] = (await Promise.race([
    once(child.stdout.setEncoding('utf8'), 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`serve ended with ${code}: ${complaints}`))),
  ])) as [string];
  const url = /^Serving (\S+):/.exec(line)![1]!;
  return {
    process: child,
    url,
    origin: new URL(url).origin,
    complaints: () => complaints,
    stop: async (signal = 'SIGTERM') => {
      const exited = once(child, 'exit');
      child.kill(signal);
      return (await exited)[0] as number | null;
    },
  };
}

/** A port that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';

/** Where a fixture lies: a plain program that uses the package as it ships. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** A directory that is gone when the test is. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'promenade-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The environment of a process that counts into a directory. */
export function environment(directory: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    METRICS_ENABLED: 'true',
    PROMETHEUS_MULTIPROC_DIR: directory,
    METRICS_ROLE: 'worker',
    NODE_OPTIONS: '',
    ...more,
  };
}

/** Runs a fixture in a process of its own, which does not outlive the test. */
export function startFixture(name: string, parameters: readonly string[], options: ForkOptions): ChildProcess {
  const child = fork(fixture(name), parameters, { serialization: 'advanced', ...options });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Kills a process, and waits until it is dead. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** A process that counts on command: test/fixtures/recorder.mjs. */
export class Recorder {
  readonly process: ChildProcess;
  readonly #pending: Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }> = new Map();
  #calls = 0;

  static async start(directory: string, more: NodeJS.ProcessEnv = {}, options: ForkOptions = {}): Promise<Recorder> {
    const child = startFixture('recorder.mjs', [], { env: environment(directory, more), ...options });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code, signal]) => Promise.reject(new Error(`the recorder ended: ${code ?? signal}`))),
    ]);
    return new Recorder(child);
  }

  private constructor(child: ChildProcess) {
    this.process = child;
    child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: Error }) => {
      const call = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) call?.reject(Object.assign(new Error(error.message), error));
      else call?.resolve(result);
    });
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the recorder ended: ${code ?? signal}`));
    });
  }

  /** Has the process do one of the fixture's commands. */
  call<T = void>(command: string, ...parameters: readonly unknown[]): Promise<T> {
    const id = this.#calls++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.process.send({ id, command, parameters });
    });
  }

  define(kind: string, options: { readonly name: string; readonly [option: string]: unknown }): Promise<void> {
    return this.call('define', kind, { help: 'Help.', ...options });
  }

  /** Calls a method of a metric, or of the series with these labels. */
  record(
    name: string,
    labels: object | undefined,
    method: string,
    values: readonly unknown[] = [],
    times = 1,
  ): Promise<void> {
    return this.call('record', name, labels, method, values, times);
  }

  snapshot(): Promise<Snapshot> {
    return this.call('snapshot');
  }

  kill(): Promise<void> {
    return kill(this.process);
  }
}

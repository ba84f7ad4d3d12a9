import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A process that answers one task at a time. */
export class Child<Task extends object> {
  readonly name: string;
  readonly #process: ChildProcess;

  constructor(
    name: string,
    script: URL,
    options: { readonly args?: readonly string[]; readonly execArgv?: string[]; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    const { args = [], ...forkOptions } = options;
    this.name = name;
    this.#process = fork(script, [name, ...args], { ...forkOptions, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** @throws Error when the process ends instead. */
  async ask<Result>(task: Task): Promise<Result> {
    const gone = new AbortController();
    const ended = once(this.#process, 'exit', { signal: gone.signal }).then(([code]) => {
      throw new Error(`${this.name} ended with ${String(code)} on ${JSON.stringify(task)}`);
    });
    this.#process.send(task);
    try {
      const [result] = (await Promise.race([once(this.#process, 'message', { signal: gone.signal }), ended])) as [
        Result,
      ];
      return result;
    } finally {
      gone.abort();
      ended.catch(() => {});
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    this.#process.kill();
    await ended;
  }
}

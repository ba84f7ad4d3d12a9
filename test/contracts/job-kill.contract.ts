import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import type { Registry } from '../../src/core/registry.ts';
import { environment, kill, startFixture, temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf } from '../multiprocess/page.ts';
import { Numbers } from '../support/http-numbers.ts';
import { outcomes } from './job.contract.ts';

/** A queue on a server, and the workers that processes run on it. */
export interface KillSubject {
  /** What the fixture job-worker.mjs gets, beside `hold`. */
  readonly settings: object;
  /** Puts one job into the queue; given to the worker where there is no queue. */
  send(worker: WorkerProcess): Promise<void>;
  close(): Promise<void>;
}

export interface KillTraits {
  /** Which of the fixture's libraries. */
  readonly library: string;
  /** Which Node runs it. @default this one */
  readonly execPath?: string;
  readonly queue: string;
  readonly job: string;
  /**
   * Who finds that a run has died: a worker that lives, since the queue tells it; or the process
   * that takes the dead one's place in the directory.
   */
  readonly foundBy: 'living' | 'successor';
  /** Whether the job is run again. */
  readonly runsAgain: boolean;
  /** What becomes of the run. @default 'stalled' */
  readonly outcome?: 'stalled' | 'failed';
}

/** For queues that take their time to find out. */
const PATIENCE = { timeout: 50_000, interval: 50 };

/**
 * What every adapter whose jobs outlive a worker has to do when a worker is killed in the middle of
 * a job.
 */
export function jobKillContract(name: string, start: () => Promise<KillSubject>, traits: KillTraits): void {
  test(`${name}: SIGKILL in the middle of a job loses no count, and ends its run once`, async () => {
    const directory = temporaryDirectory();
    const registry = readerOf(directory);
    const subject = await start();
    const workers: WorkerProcess[] = [];
    const startWorker = async (hold: boolean): Promise<WorkerProcess> => {
      const worker = await WorkerProcess.start(directory, traits, { ...subject.settings, hold });
      workers.push(worker);
      return worker;
    };
    try {
      const victim = await startWorker(true);
      await subject.send(victim);
      await victim.says('begin');
      const busy = await numbersWhen(registry, (numbers) => running(numbers) === 1);
      expect(busy.value('job_started')).toBe(1);
      if (traits.foundBy === 'living') await Promise.all([startWorker(false), startWorker(false)]);
      await kill(victim.process);
      const dead = await Numbers.of(registry);
      expect(dead.value('job_started')).toBe(1);
      expect(running(dead)).toBe(0);
      if (traits.foundBy === 'successor') await Promise.all([startWorker(false), startWorker(false)]);

      const expected = { [traits.outcome ?? 'stalled']: 1, ...(traits.runsAgain && { succeeded: 1 }) };
      const labels = { queue: traits.queue, job_name: traits.job };
      const settled = await numbersWhen(registry, (numbers) => {
        expect(outcomes(numbers)).toEqual(expected);
        return running(numbers) === 0;
      });
      expect(settled.value('job_started', labels)).toBe(settled.value('job_finished', labels));
      expect(settled.value('job_started')).toBe(traits.runsAgain ? 2 : 1);

      // Another process in the place of the dead one finds nothing more, nor does anybody when all
      // have gone.
      if (traits.foundBy === 'successor') await startWorker(false);
      for (const worker of workers) if (worker !== victim) await worker.stop();
      const last = await Numbers.of(registry);
      expect(outcomes(last)).toEqual(expected);
      expect(last.value('job_started')).toBe(traits.runsAgain ? 2 : 1);
      expect(running(last)).toBe(0);
    } finally {
      for (const worker of workers) await kill(worker.process);
      await subject.close();
    }
  });
}

/** Where no process lives that has runs there is no such family. */
function running(numbers: Numbers): number {
  return numbers.has('job_running') ? numbers.value('job_running') : 0;
}

async function numbersWhen(registry: Registry, condition: (numbers: Numbers) => boolean): Promise<Numbers> {
  return vi.waitFor(async () => {
    const numbers = await Numbers.of(registry);
    expect(condition(numbers)).toBe(true);
    return numbers;
  }, PATIENCE);
}

/** The fixture job-worker.mjs, running. */
export class WorkerProcess {
  readonly process: ChildProcess;
  readonly #said: string[] = [];
  readonly #ended: Promise<never>;

  static async start(directory: string, { library, execPath }: KillTraits, settings: object): Promise<WorkerProcess> {
    const worker = new WorkerProcess(
      startFixture('job-worker.mjs', [library, JSON.stringify(settings)], {
        env: environment(directory, { METRICS_ENABLED: 'true' }),
        ...(execPath !== undefined && { execPath }),
      }),
    );
    await worker.says('ready');
    return worker;
  }

  private constructor(child: ChildProcess) {
    this.process = child;
    child.on('message', ({ did }: { did: string }) => this.#said.push(did));
    this.#ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the worker ended: ${code ?? signal}`);
    });
    this.#ended.catch(() => {});
  }

  async says(what: string): Promise<void> {
    await Promise.race([vi.waitFor(() => expect(this.#said).toContain(what), PATIENCE), this.#ended]);
  }

  /** Has it stop by itself. */
  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.send('stop');
    await exited;
  }
}

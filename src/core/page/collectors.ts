import { debuglog } from 'node:util';
import { shownName } from '../../snapshot/names.ts';
import type { AnyMetric } from '../registry.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/**
 * Runs metrics' `collect` callbacks side by side, each for itself: one that throws or hangs keeps
 * its last values and no one waits for it.
 */
export class Collectors {
  readonly #timeoutMs: number;
  readonly #failed: (family: string) => void;
  readonly #running: Map<AnyMetric, Promise<void>> = new Map();

  constructor(timeoutMs: number, failed: (family: string) => void) {
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
  }

  async run(metrics: Iterable<AnyMetric>): Promise<void> {
    const started: Promise<void>[] = [];
    for (const metric of metrics) {
      // One that hangs is neither called again before it is back, nor waited for twice.
      if (!metric.collector || this.#running.has(metric)) continue;
      const running = this.#start(metric, metric.collector);
      if (running) started.push(running);
    }
    if (started.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(resolve, this.#timeoutMs, 'timeout');
    });
    const outcome = await Promise.race([Promise.all(started), timeout]);
    clearTimeout(timer);
    if (outcome !== 'timeout') return;
    for (const [metric, running] of this.#running) if (started.includes(running)) this.#fail(metric, 'timeout');
  }

  /** What there is to wait for: nothing where the callback is synchronous. */
  #start(metric: AnyMetric, collect: () => void | Promise<void>): Promise<void> | undefined {
    try {
      const result = collect();
      if (!(result instanceof Promise)) return undefined;
      const running = result
        .catch((error: unknown) => this.#fail(metric, error))
        .finally(() => this.#running.delete(metric));
      this.#running.set(metric, running);
      return running;
    } catch (error) {
      this.#fail(metric, error);
      return undefined;
    }
  }

  #fail(metric: AnyMetric, error: unknown): void {
    debug('collect of %s failed: %o', metric.name, error);
    this.#failed(shownName(metric.definition));
  }
}

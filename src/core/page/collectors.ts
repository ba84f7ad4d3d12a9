import { debuglog } from 'node:util';
import { shownName } from '../../snapshot/names.ts';
import type { Bound } from '../bound.ts';
import type { Collect, SeriesSet } from '../series-set.ts';

type AnySeries = SeriesSet<Bound>;

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/**
 * Runs metrics' `collect` callbacks side by side, each for itself: one that throws or hangs keeps
 * its last values and no one waits for it.
 */
export class Collectors {
  readonly #timeoutMs: number;
  readonly #failed: (family: string) => void;
  readonly #running: Map<AnySeries, Promise<void>> = new Map();

  constructor(timeoutMs: number, failed: (family: string) => void) {
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
  }

  async run(families: Iterable<AnySeries>): Promise<void> {
    const started: Promise<void>[] = [];
    for (const family of families) {
      // One that hangs is neither called again before it is back, nor waited for twice.
      if (!family.collect || this.#running.has(family)) continue;
      const running = this.#start(family, family.collect);
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
    for (const [family, running] of this.#running) if (started.includes(running)) this.#fail(family, 'timeout');
  }

  /** What there is to wait for: nothing where the callback is synchronous. */
  #start(family: AnySeries, collect: Collect): Promise<void> | undefined {
    try {
      const result = collect();
      if (!(result instanceof Promise)) return undefined;
      const running = result
        .catch((error: unknown) => this.#fail(family, error))
        .finally(() => this.#running.delete(family));
      this.#running.set(family, running);
      return running;
    } catch (error) {
      this.#fail(family, error);
      return undefined;
    }
  }

  #fail(family: AnySeries, error: unknown): void {
    debug('collect of %s failed: %o', family.name, error);
    this.#failed(shownName(family.definition));
  }
}

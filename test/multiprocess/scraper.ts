import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { fallen, sumsOn } from './page.ts';

/** What came of scraping all the time. */
export interface ScraperReport {
  readonly scrapes: number;
  readonly failures: readonly string[];
  /** Sums that were less than at the scrape before, or gone. */
  readonly falls: readonly string[];
  /** How many sums were compared with those of the scrape before. */
  readonly compared: number;
  readonly slowestMs: number;
  readonly last: Snapshot | undefined;
}

/** Scrapes all the time, and holds each page against the one before. */
export class Scraper {
  readonly #scrape: () => Promise<Snapshot>;
  readonly #failures: string[] = [];
  readonly #falls: string[] = [];
  #scrapes = 0;
  #compared = 0;
  #slowestMs = 0;
  #last: Snapshot | undefined;
  #sums: Map<string, number> = new Map();
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(scrape: () => Promise<Snapshot>) {
    this.#scrape = scrape;
    this.#running = this.#run();
  }

  get scrapes(): number {
    return this.#scrapes;
  }

  /** Waits until so many more scrapes are done. */
  async more(count: number): Promise<void> {
    for (const goal = this.#scrapes + count; this.#scrapes < goal;) await nextTurn();
  }

  /** Ends after one more scrape. */
  async stop(): Promise<ScraperReport> {
    this.#stopped = true;
    await this.#running;
    await this.#once();
    return {
      scrapes: this.#scrapes,
      failures: this.#failures,
      falls: this.#falls,
      compared: this.#compared,
      slowestMs: this.#slowestMs,
      last: this.#last,
    };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#once();
      await nextTurn();
    }
  }

  async #once(): Promise<void> {
    const start = performance.now();
    try {
      this.#last = await this.#scrape();
      const sums = sumsOn(this.#last);
      this.#falls.push(...fallen(this.#sums, sums));
      this.#compared += this.#sums.size;
      this.#sums = sums;
    } catch (error) {
      this.#failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.#scrapes++;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - start);
  }
}

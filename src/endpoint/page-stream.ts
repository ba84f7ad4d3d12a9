import { Readable } from 'node:stream';
import type { Turns } from './turns.ts';

/** How a page ended, in the words of HTTP: sent, failed while rendering, or its reader left or was too slow. */
export type PageOutcome = 200 | 499 | 500;

/** What a page is made of. */
export interface PageOptions {
  /** The page's chunks, rendered as they are asked for, and few milliseconds' work each. */
  readonly chunks: Iterator<string | Uint8Array>;
  /** The first of them, rendered already. */
  readonly first: IteratorResult<string | Uint8Array>;
  readonly turns: Turns;
  /** The time the reader has to take the page; then the stream is destroyed. */
  readonly timeoutMs: number;
  /** Called exactly once, when the page has ended in whatever way. */
  onEnd(outcome: PageOutcome): void;
}

/**
 * A page on its way to one reader: a chunk is rendered only when the reader has taken what came before, one chunk a turn of
 * the event loop, and no more once the reader has gone.
 */
export class PageStream extends Readable {
  readonly #options: PageOptions;
  readonly #timer: NodeJS.Timeout;
  #outcome: PageOutcome = 499;

  constructor(options: PageOptions) {
    super();
    this.#options = options;
    this.#timer = setTimeout(() => this.destroy(new Error('the reader was too slow')), options.timeoutMs).unref();
    // A page that nobody reads yet, or no longer, may fail too; whoever reads it learns of it all the same.
    this.on('error', () => {});
    this.#pass(options.first);
  }

  override _read(): void {
    void this.#render();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#options.chunks.return?.();
    this.#options.onEnd(this.#outcome);
    callback(error);
  }

  async #render(): Promise<void> {
    await this.#options.turns.next();
    if (this.destroyed) return;
    try {
      this.#pass(this.#options.chunks.next());
    } catch (error) {
      this.#outcome = 500;
      this.destroy(error as Error);
    }
  }

  #pass({ done, value }: IteratorResult<string | Uint8Array>): void {
    if (done) this.#outcome = 200;
    this.push(done ? null : value);
  }
}

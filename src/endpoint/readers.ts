import type { Writable } from 'node:stream';

/** A reader that took nothing for this long can lose its place to another. */
const STALLED_MS = 1000;

/** Limits of `Readers`. */
export interface ReaderLimits {
  /** Maximum number of concurrent scrapes. */
  readonly max: number;
  /** Maximum for one address. */
  readonly maxPerAddress: number;
  /** A reader that takes nothing for this long is disconnected. */
  readonly idleMs: number;
}

/** A scrape that is being collected or sent. */
export interface Reader {
  /**
   * Watches `target`, to which the page is written, and destroys it if its reader takes nothing.
   */
  reads(target: Writable): void;
  /** Frees the place. Idempotent. */
  done(): void;
}

interface Place {
  readonly address: string;
  target: Writable | undefined;
  /** When its reader last took data. */
  takenAt: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Limits the readers of a page, so that slow ones don't block others. Each address has a limit. A
 * reader that takes nothing is disconnected after `idleMs`, or earlier if its place is needed.
 */
export class Readers {
  readonly #limits: ReaderLimits;
  readonly #now: () => number;
  readonly #places: Set<Place> = new Set();

  /** @param now a monotonic clock in milliseconds */
  constructor(limits: ReaderLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Returns a place for a reader, or `undefined` if all are taken. Without an address only the
   * common limit applies.
   */
  admit(address: string = ''): Reader | undefined {
    if (!this.#hasRoom(address)) this.#makeRoom(address);
    if (!this.#hasRoom(address)) return undefined;
    const place: Place = { address, target: undefined, takenAt: this.#now(), timer: undefined };
    this.#places.add(place);
    return { reads: (target) => this.#watch(place, target), done: () => this.#leave(place) };
  }

  #hasRoom(address: string): boolean {
    return this.#places.size < this.#limits.max && !this.#isFull(address);
  }

  #isFull(address: string): boolean {
    return address !== '' && this.#of(address).length >= this.#limits.maxPerAddress;
  }

  #of(address: string): Place[] {
    return [...this.#places].filter((place) => place.address === address);
  }

  /**
   * Disconnects the reader that has been stalled for longest, of the same address if that is full.
   */
  #makeRoom(address: string): void {
    const candidates = this.#isFull(address) ? this.#of(address) : [...this.#places];
    const stalled = candidates.filter((place) => this.#stalledMs(place) >= STALLED_MS);
    const longest = stalled.sort((a, b) => a.takenAt - b.takenAt)[0];
    if (longest === undefined) return;
    longest.target?.destroy();
    this.#leave(longest);
  }

  /** Returns how long the page has waited for its reader; 0 while the reader waits for the page. */
  #stalledMs({ target, takenAt }: Place): number {
    const waits = target !== undefined && (target.writableNeedDrain || target.writableEnded);
    return waits ? this.#now() - takenAt : 0;
  }

  #watch(place: Place, target: Writable): void {
    if (!this.#places.has(place)) {
      target.destroy();
      return;
    }
    place.target = target;
    place.takenAt = this.#now();
    target.on('drain', () => (place.takenAt = this.#now()));
    const { idleMs } = this.#limits;
    place.timer = setInterval(() => {
      if (this.#stalledMs(place) >= idleMs) target.destroy();
    }, idleMs / 4).unref();
  }

  #leave(place: Place): void {
    this.#places.delete(place);
    clearInterval(place.timer);
  }
}

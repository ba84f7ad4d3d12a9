import type { Writable } from 'node:stream';

/** A reader that took nothing for so long gives its place up to another one. */
const STALLED_MS = 1000;

/** Limits of {@link Readers}. */
export interface ReaderLimits {
  /** How many pages may be in the making or on their way at once. */
  readonly max: number;
  /** How many of them for one address. */
  readonly maxPerAddress: number;
  /** How long a reader may take nothing before it is cut off. */
  readonly idleMs: number;
}

/** A page in the making or on its way. */
export interface Reader {
  /** From now on the page is written to `target`, which is destroyed if its reader takes nothing. */
  reads(target: Writable): void;
  /** Gives the place back. Idempotent. */
  done(): void;
}

interface Place {
  readonly address: string;
  target: Writable | undefined;
  /** When its reader last took something. */
  takenAt: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The readers of a page, so that slow ones don't shut out others: an address has a limit, one that
 * takes nothing is cut off in time, and makes room at once where there is none.
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
   * Returns a place for a reader; `undefined` where there is none for now. A reader of unknown
   * address has the common limit alone.
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

  /** Cuts off the reader that has taken nothing for longest, of the same address if that is full. */
  #makeRoom(address: string): void {
    const candidates = this.#isFull(address) ? this.#of(address) : [...this.#places];
    const stalled = candidates.filter((place) => this.#stalledMs(place) >= STALLED_MS);
    const longest = stalled.sort((a, b) => a.takenAt - b.takenAt)[0];
    if (longest === undefined) return;
    longest.target?.destroy();
    this.#leave(longest);
  }

  /** How long the page has waited for its reader; 0 where it is the page that isn't ready. */
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

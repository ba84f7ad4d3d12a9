import { Digest } from './digest.ts';

/**
 * Quantiles over the last `maxAgeSeconds`, in `ageBuckets` steps; over everything where either is
 * not given.
 */
export class WindowQuantiles {
  readonly #stepMs: number;
  readonly #steps: number;
  readonly #startMs: number = Date.now();
  #slices: { readonly step: number; readonly digest: Digest }[] = [];

  constructor(maxAgeSeconds: number | undefined, ageBuckets: number | undefined) {
    this.#steps = ageBuckets || 1;
    this.#stepMs = maxAgeSeconds && ageBuckets ? (maxAgeSeconds * 1000) / ageBuckets : Infinity;
  }

  /** Whether nothing was observed within the window. */
  get isEmpty(): boolean {
    this.#age();
    return this.#slices.length === 0;
  }

  observe(value: number): void {
    const step = this.#age();
    let slice = this.#slices.at(-1);
    if (slice?.step !== step) this.#slices.push((slice = { step, digest: new Digest() }));
    slice.digest.add(value);
  }

  /** Zero where nothing was observed. */
  quantile(fraction: number): number {
    this.#age();
    const [first, ...others] = this.#slices.map(({ digest }) => digest);
    return first?.quantile(fraction, others) ?? 0;
  }

  /** Drops what is too old. Returns the step that the time is in. */
  #age(): number {
    const step = this.#stepMs === Infinity ? 0 : Math.floor((Date.now() - this.#startMs) / this.#stepMs);
    const [oldest] = this.#slices;
    if (oldest && step - oldest.step >= this.#steps)
      this.#slices = this.#slices.filter((slice) => step - slice.step < this.#steps);
    return step;
  }
}

/** A run of neighbouring values. */
interface Centroid {
  mean: number;
  count: number;
}

/** Values that wait to be sorted in. */
const PENDING = 256;

/** The share of all values that a centroid in the middle may hold. */
const COMPRESSION = 0.01;

/**
 * Quantiles of a stream in some kilobytes (a merging t-digest, Dunning and Ertl 2019): exact for
 * few different values, and finer towards both ends than in the middle. Between centroids it
 * interpolates, as prom-client's does, so that few values give the quantiles that it gives.
 */
export class Digest {
  #centroids: Centroid[] = [];
  #pending: number[] = [];

  get isEmpty(): boolean {
    return this.#centroids.length === 0 && this.#pending.length === 0;
  }

  add(value: number): void {
    if (this.#pending.push(value) >= PENDING) this.#settle();
  }

  /**
   * The value that a fraction (0 to 1) of all values is below; NaN where there are none. Takes over
   * no other digest's centroids.
   */
  quantile(fraction: number, others: readonly Digest[] = []): number {
    const centroids = mergeCentroids([this, ...others].flatMap((digest) => digest.#settle()));
    const total = centroids.reduce((sum, { count }) => sum + count, 0);
    const rank = total * fraction;
    let below = 0;
    let last: { readonly mean: number; readonly middle: number } | undefined;
    for (const { mean, count } of centroids) {
      const middle = below + count / 2;
      if (rank <= middle) {
        return last ? last.mean + ((rank - last.middle) / (middle - last.middle)) * (mean - last.mean) : mean;
      }
      below += count;
      last = { mean, middle };
    }
    return last?.mean ?? NaN;
  }

  #settle(): readonly Centroid[] {
    if (this.#pending.length > 0) {
      this.#centroids = mergeCentroids([...this.#centroids, ...this.#pending.map((mean) => ({ mean, count: 1 }))]);
      this.#pending = [];
    }
    return this.#centroids;
  }
}

/** Neighbours as one, where what they hold together is little for their place in the whole. */
function mergeCentroids(centroids: readonly Centroid[]): Centroid[] {
  const total = centroids.reduce((sum, { count }) => sum + count, 0);
  const merged: Centroid[] = [];
  let below = 0;
  for (const { mean, count } of [...centroids].sort((a, b) => a.mean - b.mean)) {
    const last = merged.at(-1);
    const both = (last?.count ?? 0) + count;
    const share = (below + both / 2) / total;
    if (last && (last.mean === mean || both <= 4 * total * COMPRESSION * share * (1 - share))) {
      last.mean += ((mean - last.mean) * count) / both;
      last.count = both;
    } else {
      if (last) below += last.count;
      merged.push({ mean, count });
    }
  }
  return merged;
}

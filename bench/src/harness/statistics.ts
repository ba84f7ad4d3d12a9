/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many times one contender's numbers are another's. */
export interface Ratio {
  /** Of the medians. */
  readonly median: number;
  /** The smallest and the largest ratio within one round, in which both ran one after the other. */
  readonly min: number;
  readonly max: number;
}

/** `of[i]` and `to[i]` come from the same round. */
export function ratio(of: readonly number[], to: readonly number[]): Ratio {
  const paired = of.map((value, i) => value / to[i]!);
  return { median: median(of) / median(to), min: Math.min(...paired), max: Math.max(...paired) };
}

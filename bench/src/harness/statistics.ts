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

/** What one contender took for one thing. */
export interface ContenderResult {
  readonly name: string;
  /** The median, in the case's unit. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Bytes of the heap an operation. */
  readonly bytes?: number;
  /** How many times the reference's value it is. */
  readonly ratio: Ratio;
}

/** What a contender took in each round; round `i` of all contenders is one round. */
export interface Samples {
  readonly name: string;
  readonly values: readonly number[];
}

/** Compares contenders with the first of them. */
export function compare(samples: readonly Samples[]): ContenderResult[] {
  const reference = samples[0]!.values;
  return samples.map(({ name, values }) => ({
    name,
    value: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    ratio: ratio(values, reference),
  }));
}

/** `of[i]` and `to[i]` come from the same round. */
function ratio(of: readonly number[], to: readonly number[]): Ratio {
  const paired = of.map((value, i) => value / to[i]!);
  return { median: median(of) / median(to), min: Math.min(...paired), max: Math.max(...paired) };
}

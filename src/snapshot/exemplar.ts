/**
 * An example of what a series has counted, which leads to a trace or a log line. Never changes once
 * made.
 */
export interface Exemplar {
  /**
   * What it is an example of; a series has one exemplar a place. Counters: 0. Histograms with
   * classic buckets: the place of the bucket that the value lies in. Native histograms alone: see
   * `nativePlace`.
   */
  readonly place: number;
  /** Names and values together have at most 128 code points. */
  readonly labels: Readonly<Record<string, string>>;
  /** What was added or observed. */
  readonly value: number;
  /** In seconds of the Unix epoch. */
  readonly timestamp: number;
}

/** How many exemplars a native histogram without classic buckets has. */
export const NATIVE_PLACES = 10;

/**
 * Where a native histogram keeps the exemplar of a value: values of the same power of ten share a
 * place, so that a rare size keeps its own.
 */
export function nativePlace(value: number): number {
  const size = Math.abs(value);
  if (!(size > 0) || size === Infinity) return 0;
  const power = Math.floor(Math.log10(size)) % NATIVE_PLACES;
  return power < 0 ? power + NATIVE_PLACES : power;
}

/**
 * Those of two processes' exemplars that are the later ones, by place. Both lists are sorted by
 * place, and so is the result.
 */
export function latestExemplars(a: readonly Exemplar[], b: readonly Exemplar[]): readonly Exemplar[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const latest = new Map<number, Exemplar>();
  for (const exemplar of [...a, ...b]) {
    const held = latest.get(exemplar.place);
    if (!held || isLater(exemplar, held)) latest.set(exemplar.place, exemplar);
  }
  return [...latest.values()].sort((x, y) => x.place - y.place);
}

/** Of two of the same moment the larger one, so that it does not matter who is asked first. */
function isLater(a: Exemplar, b: Exemplar): boolean {
  return a.timestamp > b.timestamp || (a.timestamp === b.timestamp && a.value > b.value);
}

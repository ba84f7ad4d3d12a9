/** `count` bounds, `width` apart. @throws Error for a count below 1. */
export function linearBuckets(start: number, width: number, count: number): number[] {
  if (count < 1) throw new Error('Linear buckets needs a positive count');
  return Array.from({ length: count }, (_, i) => start + i * width);
}

/**
 * `count` bounds, each `factor` times the one before.
 * @throws Error for a start that is not positive, a count below 1, a factor that is not above 1.
 */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  if (start <= 0) throw new Error('Exponential buckets needs a positive start');
  if (count < 1) throw new Error('Exponential buckets needs a positive count');
  if (factor <= 1) throw new Error('Exponential buckets needs a factor greater than 1');
  let bound = start / factor;
  return Array.from({ length: count }, (_, i) => (bound = i === 0 ? start : bound * factor));
}

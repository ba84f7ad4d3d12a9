import type { Ratio } from './statistics.ts';

/** Two or three digits: no measurement here has more. */
export function toDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return value.toPrecision(size < 1 || size >= 10 ? 2 : 3);
}

/** `5.2 (4.8-5.9)` */
export function toRange({ median, min, max }: Ratio): string {
  return `${toDigits(median)} (${toDigits(min)}-${toDigits(max)})`;
}

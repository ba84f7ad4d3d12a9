/**
 * The bucket arithmetic of native histograms, as the Prometheus specification has it: bucket `i` of schema `n`
 * holds (base^(i-1), base^i] with base = 2^(2^-n), for schemas from -4 to 8.
 */

const scratch: Float64Array = new Float64Array(1);
const words: Uint32Array = new Uint32Array(scratch.buffer);
/** Which half of a double holds its exponent. */
const HIGH: number = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** By schema (1 to 8): the bounds of one octave's buckets, as fractions in [0.5, 1). */
const fractionBounds: Float64Array[] = [];

function boundsOf(schema: number): Float64Array {
  return (fractionBounds[schema] ??= Float64Array.from({ length: 2 ** schema }, (_, i) => 2 ** (i / 2 ** schema) / 2));
}

/** The index of the bucket that a positive finite number falls into. Some 10 ns; exact at the bounds. */
export function bucketIndex(value: number, schema: number): number {
  scratch[0] = value;
  let exponent = (words[HIGH]! >>> 20) & 0x7ff;
  if (exponent === 0) {
    // A subnormal: scaled up to where the exponent's bits tell.
    scratch[0] = value * 2 ** 54;
    exponent = ((words[HIGH]! >>> 20) & 0x7ff) - 54;
  }
  exponent -= 1022;
  words[HIGH] = (words[HIGH]! & 0x800fffff) | (1022 << 20);
  const fraction = scratch[0]; // value = fraction · 2^exponent, fraction in [0.5, 1)
  if (schema <= 0) {
    const index = fraction === 0.5 ? exponent - 1 : exponent;
    return (index + 2 ** -schema - 1) >> -schema;
  }
  const bounds = boundsOf(schema);
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! < fraction) low = middle + 1;
    else high = middle;
  }
  return low + (exponent - 1) * bounds.length;
}

/** The upper bound of a bucket; its lower bound is that of the bucket before. The bucket that holds the largest double ends there. */
export function bucketBound(index: number, schema: number): number {
  if (schema <= 0) {
    const exponent = index * 2 ** -schema;
    return exponent >= 1024 ? Number.MAX_VALUE : 2 ** exponent;
  }
  const bounds = boundsOf(schema);
  const octave = Math.floor(index / bounds.length);
  const fraction = bounds[index - octave * bounds.length]!;
  // Two steps, since 2^1024 is no number but half of it times two can be.
  const bound = fraction * 2 ** Math.max(octave, -1000) * 2 * 2 ** Math.min(octave + 1000, 0);
  return Math.min(bound, Number.MAX_VALUE);
}

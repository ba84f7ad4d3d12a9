/**
 * The bucket arithmetic of native histograms, as the Prometheus specification has it
 * (https://prometheus.io/docs/specs/native_histograms/): bucket `i` of schema `n` holds
 * (base^(i-1), base^i] with base = 2^(2^-n), for schemas from -4 to 8. The bucket with the largest
 * double ends there, and the one after holds infinity.
 */

export const MIN_SCHEMA = -4;
export const MAX_SCHEMA = 8;

const scratch: Float64Array = new Float64Array(1);
const isLittleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** The half of the scratch double that holds its sign and exponent. */
const high: Uint32Array = new Uint32Array(scratch.buffer, isLittleEndian ? 4 : 0, 1);

/** How one octave is divided under a schema from 0 to 8. */
interface Division {
  /** The bounds as fractions in [0.5, 1), and 1. */
  readonly bounds: Float64Array;
  /**
   * By the leading bits of a fraction, one more than the schema: the first bound that is not below
   * the smallest such fraction. The bounds lie so far apart that at most one of them falls between
   * the fractions with the same leading bits.
   */
  readonly first: Uint16Array;
}

/**
 * By a double's exponent bits: what to multiply it by so that it lies in [0.5, 1). Setting its
 * exponent would take the processor longer.
 */
const toFraction: Float64Array = Float64Array.from({ length: 0x7ff }, (_, bits) => 2 ** (1022 - bits));

function divide(schema: number): Division {
  const count = 2 ** schema;
  const bounds = Float64Array.from({ length: count + 1 }, (_, i) => 2 ** (i / count) / 2);
  let bound = 0;
  const first = Uint16Array.from({ length: 2 * count }, (_, cell) => {
    while (bounds[bound]! < 0.5 + cell / (4 * count)) bound++;
    return bound;
  });
  return (divisions[schema] = { bounds, first });
}

/**
 * By schema, each made when it is first asked for: a program that only imports this should not wait
 * for them.
 */
const divisions: (Division | undefined)[] = [];

/**
 * The index of the bucket that a positive number falls into, infinity too. Some 5 ns; exact at the
 * bounds.
 */
export function bucketIndex(value: number, schema: number): number {
  scratch[0] = value;
  const leading = high[0]!;
  const bits = leading >>> 20;
  if (schema < 0 || bits === 0 || bits === 0x7ff) return unusualIndex(value, schema);
  const { bounds, first } = divisions[schema] ?? divide(schema);
  const bound = first[(leading & 0xfffff) >>> (19 - schema)]!;
  return bound + (bounds[bound]! < value * toFraction[bits]! ? 1 : 0) + ((bits - 1023) << schema);
}

/** The same for what is seldom: apart, so that the compiler puts the rest where it is called. */
function unusualIndex(value: number, schema: number): number {
  // No caller has any other; it must not recurse for ever all the same.
  if (!(value > 0)) return bucketIndex(Number.MIN_VALUE, schema);
  if (value === Infinity) return bucketIndex(Number.MAX_VALUE, schema) + 1;
  if (schema < 0) return coarserIndex(bucketIndex(value, 0), -schema);
  // A subnormal's exponent bits tell nothing; 2^64 is a whole number of buckets.
  return bucketIndex(value * 2 ** 64, schema) - 64 * 2 ** schema;
}

/** The upper bound of a bucket; its lower bound is that of the bucket before. */
export function bucketBound(index: number, schema: number): number {
  const last = 1024 * 2 ** schema;
  if (index >= last) return index === last ? Number.MAX_VALUE : Infinity;
  if (schema <= 0) return 2 ** (index * 2 ** -schema);
  const octave = index >> schema;
  const fraction = (divisions[schema] ?? divide(schema)).bounds[index - (octave << schema)]!;
  // Two steps, since 2^1024 is no number but half of it times two can be.
  return fraction * 2 ** Math.max(octave, -1000) * 2 * 2 ** Math.min(octave + 1000, 0);
}

/** The index of the bucket, at a resolution halved `times` times, that holds all of this one. */
export function coarserIndex(index: number, times: number): number {
  return (index + 2 ** times - 1) >> times;
}

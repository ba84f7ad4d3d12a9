/**
 * The bucket arithmetic of native histograms, as the Prometheus specification has it
 * (https://prometheus.io/docs/specs/native_histograms/): bucket `i` of schema `n` holds (base^(i-1), base^i] with
 * base = 2^(2^-n), for schemas from -4 to 8. The bucket with the largest double ends there, and the one after holds infinity.
 */

export const MIN_SCHEMA = -4;
export const MAX_SCHEMA = 8;

const scratch: Float64Array = new Float64Array(1);
const words: Uint32Array = new Uint32Array(scratch.buffer);
/** Which half of a double holds its exponent. */
const HIGH: number = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** How one octave is divided under a schema from 1 to 8. */
interface Division {
  /** The bounds as fractions in [0.5, 1), and 1. */
  readonly bounds: Float64Array;
  /**
   * By the leading bits of a fraction, one more than the schema: the first bound that is not below the smallest such fraction. The bounds
   * lie so far apart that at most one of them falls between the fractions with the same leading bits.
   */
  readonly first: Uint16Array;
}

const divisions: Division[] = [];

function divisionOf(schema: number): Division {
  return (divisions[schema] ??= divide(schema));
}

function divide(schema: number): Division {
  const count = 2 ** schema;
  const bounds = Float64Array.from({ length: count + 1 }, (_, i) => 2 ** (i / count) / 2);
  const first = Uint16Array.from({ length: 2 * count }, (_, cell) =>
    bounds.findIndex((bound) => bound >= 0.5 + cell / (4 * count)),
  );
  return { bounds, first };
}

/** The index of the bucket that a positive number falls into, infinity too. Some 5 ns; exact at the bounds. */
export function bucketIndex(value: number, schema: number): number {
  scratch[0] = value;
  let exponent = words[HIGH]! >>> 20;
  if (exponent === 0) {
    // A subnormal: scaled up to where the exponent's bits tell.
    scratch[0] = value * 2 ** 54;
    exponent = (words[HIGH]! >>> 20) - 54;
  } else if (exponent === 0x7ff) {
    return bucketIndex(Number.MAX_VALUE, schema) + 1;
  }
  exponent -= 1022;
  const high = words[HIGH]! & 0xfffff;
  words[HIGH] = high | (1022 << 20);
  const fraction = scratch[0]; // value = fraction · 2^exponent, fraction in [0.5, 1)
  if (schema <= 0) {
    const index = fraction === 0.5 ? exponent - 1 : exponent;
    return (index + 2 ** -schema - 1) >> -schema;
  }
  const { bounds, first } = divisionOf(schema);
  const bound = first[high >>> (19 - schema)]!;
  return bound + (bounds[bound]! < fraction ? 1 : 0) + ((exponent - 1) << schema);
}

/** The upper bound of a bucket; its lower bound is that of the bucket before. */
export function bucketBound(index: number, schema: number): number {
  const last = 1024 * 2 ** schema;
  if (index >= last) return index === last ? Number.MAX_VALUE : Infinity;
  if (schema <= 0) return 2 ** (index * 2 ** -schema);
  const octave = index >> schema;
  const fraction = divisionOf(schema).bounds[index - (octave << schema)]!;
  // Two steps, since 2^1024 is no number but half of it times two can be.
  return fraction * 2 ** Math.max(octave, -1000) * 2 * 2 ** Math.min(octave + 1000, 0);
}

/** The index of the bucket, at a resolution halved `times` times, that holds all of this one. */
export function coarserIndex(index: number, times: number): number {
  return (index + 2 ** times - 1) >> times;
}

import { MetricsError } from '../errors.ts';
import { bucketBound, bucketIndex, MAX_SCHEMA, MIN_SCHEMA } from '../snapshot/exponential-buckets.ts';
import type { NativeBucketDefinition } from '../snapshot/snapshot.ts';

/** What native buckets are made with. Give a factor or a schema, not both. */
export interface NativeOptions {
  /**
   * How many times its lower bound a bucket's upper bound is at the most: larger than 1.
   * @default 1.1
   */
  readonly factor?: number;
  /**
   * The same in the specification's terms, -4 to 8: there are 2^schema buckets from any value to
   * its double.
   */
  readonly schema?: number;
  /**
   * A series with more populated buckets halves its resolution: one bucket where there were two.
   * @default 160
   */
  readonly maxBuckets?: number;
  /**
   * Values from -zeroThreshold to zeroThreshold are counted as zero; raised to the next bucket's
   * bound.
   * @default 2^-128
   */
  readonly zeroThreshold?: number;
}

const DEFAULT_FACTOR = 1.1;
const DEFAULT_MAX_BUCKETS = 160;
const LARGEST_MAX_BUCKETS = 10_000;
/** A bound of every schema's buckets. */
const DEFAULT_ZERO_THRESHOLD: number = 2 ** -128;
/** Below it doubles lose digits, and bounds coincide. */
const SMALLEST_NORMAL: number = 2 ** -1022;

/** @throws MetricsError ERR_METRICS_INVALID_OPTION */
export function toNativeDefinition(family: string, options: NativeOptions): NativeBucketDefinition {
  const { factor, maxBuckets = DEFAULT_MAX_BUCKETS, zeroThreshold = DEFAULT_ZERO_THRESHOLD } = options;
  if (factor !== undefined && options.schema !== undefined) {
    throw invalid(family, 'factor and schema say the same: give one of them');
  }
  if (factor !== undefined && !(factor > 1 && factor < Infinity)) {
    throw invalid(family, 'factor must be a number larger than 1');
  }
  const schema = options.schema ?? schemaOf(factor ?? DEFAULT_FACTOR);
  if (!Number.isInteger(schema) || schema < MIN_SCHEMA || schema > MAX_SCHEMA) {
    throw invalid(family, `schema must be a whole number from ${MIN_SCHEMA} to ${MAX_SCHEMA}`);
  }
  if (!Number.isInteger(maxBuckets) || maxBuckets < 1 || maxBuckets > LARGEST_MAX_BUCKETS) {
    throw invalid(family, `maxBuckets must be a whole number from 1 to ${LARGEST_MAX_BUCKETS}`);
  }
  if (!(zeroThreshold === 0 || (zeroThreshold >= SMALLEST_NORMAL && zeroThreshold < Infinity))) {
    throw invalid(family, 'zeroThreshold must be 0 or a positive number of at least 2^-1022');
  }
  const threshold = zeroThreshold === 0 ? 0 : bucketBound(bucketIndex(zeroThreshold, schema), schema);
  return Object.freeze({ schema, maxBuckets, zeroThreshold: threshold });
}

/**
 * The lowest schema whose buckets grow by no more than the factor, as far as there is one: 1.1
 * gives 3.
 */
function schemaOf(factor: number): number {
  const schema = 0 - Math.floor(Math.log2(Math.log2(factor)));
  return Math.min(Math.max(schema, MIN_SCHEMA), MAX_SCHEMA);
}

function invalid(family: string, fault: string): MetricsError {
  return new MetricsError('ERR_METRICS_INVALID_OPTION', `${family}: native: ${fault}`);
}

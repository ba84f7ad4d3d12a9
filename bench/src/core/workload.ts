/**
 * The label sets that a small service has: 4 methods, 16 routes and 4 statuses, of which 256
 * combinations are walked through in turn.
 */
export const LABEL_NAMES = ['method', 'route', 'status'] as const;
export const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'DELETE'];
export const STATUSES: readonly string[] = ['200', '201', '404', '500'];
// Interned, as the literals of an application's routes are.
export const ROUTES: readonly string[] = Array.from(
  { length: 16 },
  (_, i) => Object.keys({ [`/api/things-${i}/:id`]: 1 })[0]!,
);

export const BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Durations from 2 ms to 7 s, spread evenly over their logarithm, in an order that no branch
 * predictor learns.
 */
export const VALUES: Float64Array = Float64Array.from(pseudoRandom(1024), (x) => Math.exp(x * 8 - 6));

/** Handles that are bound before: every fourth label set. */
export const BOUND = 64;

export type RequestLabels = { method: string; route: string; status: string };

export function labelSet(i: number): RequestLabels {
  return { method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! };
}

function* pseudoRandom(count: number): Generator<number> {
  let seed = 1;
  for (let i = 0; i < count; i++) {
    seed = (seed * 48271) % 0x7fffffff;
    yield seed / 0x7fffffff;
  }
}

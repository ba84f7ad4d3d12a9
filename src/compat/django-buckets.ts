/**
 * Upper bounds of django-prometheus' latency histograms, in seconds, as version 2.3.0 and later
 * have them.
 */
export const DJANGO_LATENCY_BUCKETS: readonly number[] = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 25, 50, 75,
];

/** Upper bounds of its body sizes, in bytes. */
export const DJANGO_BODY_BUCKETS: readonly number[] = [0, ...Array.from({ length: 30 }, (_, i) => 2 ** i)];

/**
 * Bounds of a latency histogram of our own, and under METRICS_COMPAT=django those from which
 * Django's buckets can be derived exactly.
 */
export function latencyBounds(own: readonly number[], compat: 'django' | undefined): readonly number[] {
  return compat === 'django' ? union(own, DJANGO_LATENCY_BUCKETS) : own;
}

/** The same for sizes of bodies. */
export function bodyBounds(own: readonly number[], compat: 'django' | undefined): readonly number[] {
  return compat === 'django' ? union(own, DJANGO_BODY_BUCKETS) : own;
}

function union(a: readonly number[], b: readonly number[]): readonly number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}

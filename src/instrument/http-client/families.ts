import { Counter } from '../../core/counter.ts';
import { Gauge } from '../../core/gauge.ts';
import { Histogram } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';
import { LATENCY_BUCKETS } from '../http-server/families.ts';

/** How the families of a registry are defined. */
export interface HttpClientFamilyOptions {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
  /** Bounds of the latency histogram, in seconds. @default 1 ms to 10 s */
  readonly latencyBuckets?: readonly number[] | undefined;
}

/** The families of outgoing HTTP. */
export interface HttpClientFamilies {
  readonly duration: Histogram<'method' | 'host' | 'status'>;
  readonly errors: Counter<'host' | 'type'>;
  readonly active: Gauge<'host'>;
}

/**
 * Defines all of them.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineHttpClientFamilies(options: HttpClientFamilyOptions): HttpClientFamilies {
  const { registry, namespace = '', latencyBuckets = LATENCY_BUCKETS } = options;
  const prefix = namespace === '' ? 'http_client_' : `${namespace}_http_client_`;
  const common = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: prefix + name,
    help,
    labelNames,
    registry,
  });
  return {
    duration: new Histogram({
      ...common(
        'request_duration_seconds',
        'Time from a request to the last byte of its response, or to its failure.',
        ['method', 'host', 'status'],
      ),
      unit: 'seconds',
      buckets: [...latencyBuckets],
    }),
    errors: new Counter(
      common('errors', 'Requests that failed, or whose response was not received to its end.', ['host', 'type']),
    ),
    active: new Gauge(common('active_requests', 'Requests whose response has not been received to its end.', ['host'])),
  };
}

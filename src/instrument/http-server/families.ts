import { bodyBounds, latencyBounds } from '../../compat/django-buckets.ts';
import { Counter } from '../../core/counter.ts';
import { Gauge } from '../../core/gauge.ts';
import { Histogram } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';

/**
 * Upper bounds for latencies, in seconds: the finest 1 ms, since many a handler takes no longer.
 */
export const LATENCY_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Upper bounds for bodies, in bytes: none at all, then 256 B to 64 MiB in steps of four. */
export const SIZE_BUCKETS: readonly number[] = [0, ...Array.from({ length: 10 }, (_, i) => 256 * 4 ** i)];

/**
 * Upper bounds for what lives long, in seconds: 1 s to a day.
 */
export const LONG_LIVED_BUCKETS: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** Options for the families of a registry. */
export interface HttpFamilyOptions {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
  /**
   * Whose families are to be derived from these: the histograms get their bounds, too.
   * @default none
   */
  readonly compat?: 'django' | undefined;
  /** Bounds of the latency histograms, in seconds. @default 1 ms to 10 s */
  readonly latencyBuckets?: readonly number[] | undefined;
  /** Bounds of the size histograms, in bytes. @default 0, 256 B to 64 MiB */
  readonly sizeBuckets?: readonly number[] | undefined;
  /**
   * How many series each family may have in a process. Higher than elsewhere, as routes, methods
   * and statuses multiply and all three are bounded by the application.
   * @default 10000
   */
  readonly maxSeries?: number | undefined;
}

/** The families of CATALOGUE's section on HTTP servers. */
export interface HttpFamilies {
  readonly requests: Counter<'method' | 'route' | 'scheme'>;
  readonly duration: Histogram<'method' | 'route' | 'status'>;
  readonly handlerDuration: Histogram<'method' | 'route'>;
  readonly middlewareDuration: Histogram<'middleware'>;
  readonly active: Gauge<'method'>;
  readonly requestSize: Histogram<'method' | 'route'>;
  readonly responseSize: Histogram<'method' | 'route'>;
  readonly exceptions: Counter<'route' | 'type'>;
  readonly aborted: Counter<'route'>;
  readonly broken: Counter<'route'>;
  readonly longLived: Histogram<'method' | 'route' | 'status'>;
  readonly responses: Counter<'route' | 'method' | 'status' | 'streaming' | 'charset'>;
  readonly renderedTemplates: Counter<'template'>;
  readonly openConnections: Gauge;
  readonly connections: Counter;
}

/**
 * Defines all of them.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineHttpFamilies(options: HttpFamilyOptions): HttpFamilies {
  const {
    registry,
    namespace = '',
    compat,
    latencyBuckets = LATENCY_BUCKETS,
    sizeBuckets = SIZE_BUCKETS,
    maxSeries = 10_000,
  } = options;
  const prefix = namespace === '' ? 'http_server_' : `${namespace}_http_server_`;
  const common = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: prefix + name,
    help,
    labelNames,
    registry,
    maxSeries,
  });
  const seconds = { unit: 'seconds', buckets: [...latencyBounds(latencyBuckets, compat)] };
  const bytes = { unit: 'bytes', buckets: [...bodyBounds(sizeBuckets, compat)] };
  return {
    requests: new Counter(
      common('requests', 'Requests received, by method, route and scheme.', ['method', 'route', 'scheme']),
    ),
    duration: new Histogram({
      ...common(
        'request_duration_seconds',
        'Time from the head of a request to the last byte of its response, middlewares included.',
        ['method', 'route', 'status'],
      ),
      ...seconds,
    }),
    handlerDuration: new Histogram({
      ...common('handler_duration_seconds', "Time that the route's handler took, middlewares left out.", [
        'method',
        'route',
      ]),
      ...seconds,
    }),
    middlewareDuration: new Histogram({
      ...common(
        'middleware_duration_seconds',
        'Time that a middleware or hook took itself, without what it called next.',
        ['middleware'],
      ),
      ...seconds,
    }),
    active: new Gauge(common('active_requests', 'Requests being answered.', ['method'])),
    requestSize: new Histogram({
      ...common('request_body_size_bytes', 'Size of request bodies on the wire.', ['method', 'route']),
      ...bytes,
    }),
    responseSize: new Histogram({
      ...common('response_body_size_bytes', 'Size of response bodies on the wire.', ['method', 'route']),
      ...bytes,
    }),
    exceptions: new Counter(
      common('exceptions', 'What handlers threw and nobody meant as an answer.', ['route', 'type']),
    ),
    aborted: new Counter(
      common('aborted_requests', 'Requests whose client went away before the response was complete.', ['route']),
    ),
    broken: new Counter(
      common('broken_responses', 'Responses that the server broke off after their head was sent.', ['route']),
    ),
    longLived: new Histogram({
      ...common(
        'long_lived_duration_seconds',
        'How long event streams, upgraded connections and what is named as long-lived lasted.',
        ['method', 'route', 'status'],
      ),
      unit: 'seconds',
      buckets: [...LONG_LIVED_BUCKETS],
    }),
    responses: new Counter(
      common('responses', 'Responses, by route, method, status and kind of body.', [
        'route',
        'method',
        'status',
        'streaming',
        'charset',
      ]),
    ),
    renderedTemplates: new Counter(common('rendered_templates', 'Templates rendered.', ['template'])),
    openConnections: new Gauge(common('open_connections', 'Connections that are open.', [])),
    connections: new Counter(common('connections', 'Connections accepted.', [])),
  };
}

import type { Answer } from './ask.ts';
import { toText } from './numbers.ts';

/**
 * A reason for which our numbers are others than django-prometheus', and by how much in this
 * script: ours less theirs, by series.
 */
export interface KnownDifference {
  /** The row of docs/guide/django.md. */
  readonly because: string;
  readonly by: Readonly<Record<string, number>>;
}

const GET = { method: 'GET' };
const HTTP = { transport: 'http' };
const UNNAMED = { view: '<unnamed view>' };
const REQUEST_SIZES = 'django_http_requests_body_total_bytes';
const RESPONSE_SIZES = 'django_http_responses_body_total_bytes';
const LATENCY = 'django_http_requests_latency_seconds_by_view_method_count';
const POSTGRES = { alias: 'default', vendor: 'postgresql' };
const REPLICA = { alias: 'replica', vendor: 'postgresql' };
const MODEL = { model: 'project_site' };
const REDIS = { backend: 'redis' };

/**
 * All that is known to differ. What the two answer to the same request differs in few places, which
 * are told here too.
 *
 * @param scrape what Django answered to the script's request for its page.
 */
export function knownDifferences(scrape: Answer): readonly KnownDifference[] {
  return [
    {
      because: 'scrapes are left out',
      by: {
        ...requests(-1, { view: 'prometheus-django-metrics', ...GET }),
        ...responses(-1, '200', { view: 'prometheus-django-metrics', ...GET }),
        ...before(-1),
        ...requestSizes({ 0: -1 }),
        ...responseSizes({ [bucketOf(scrape.bytes)]: -1 }, -scrape.bytes),
      },
    },
    {
      because: 'what a middleware answers counts',
      by: {
        ...requests(8, { ...UNNAMED, ...GET }),
        ...add(responses(3, '301', { ...UNNAMED, ...GET }), responses(5, '302', { ...UNNAMED, ...GET })),
        ...requestSizes({ 0: 8 }),
        ...responseSizes({ 0: 8 }, 0),
      },
    },
    {
      because: 'the status is the one that the client got',
      by: {
        [toText('django_http_responses_total_by_status_total', { status: '404' })]: -6,
        [toText('django_http_responses_total_by_status_total', { status: '301' })]: 6,
        [byStatus('404', { ...UNNAMED, ...GET })]: -6,
        [byStatus('301', { ...UNNAMED, ...GET })]: 6,
        ...responseSizes({ 16: -6, 0: 6 }, -6 * 'not found'.length),
      },
    },
    {
      because: 'an exception is no second observation',
      by: {
        [toText(LATENCY, { view: 'errors', ...GET })]: -22,
        [toText(LATENCY, { view: 'errors', method: 'POST' })]: -2,
        [toText(LATENCY, { view: 'database', ...GET })]: -5,
        [toText(LATENCY, { view: 'dcim:site', ...GET })]: -5,
        [toText(LATENCY, { view: 'dcim-api:site-detail', method: 'DELETE' })]: -3,
      },
    },
    {
      because: 'made-up methods are one label',
      by: {
        [toText(LATENCY, { view: 'dcim:site_list', method: 'PROPFIND' })]: -4,
        [toText(LATENCY, { view: 'dcim:site_list', method: '<invalid method>' })]: 4,
        ...Object.fromEntries(
          [0, 1, 2].map((i) => [toText(LATENCY, { view: 'dcim:site_list', method: `BREW${i}` }), -1]),
        ),
        // Node refuses them before any router, with 400.
        [toText(LATENCY, { ...UNNAMED, method: '<invalid method>' })]: 3,
        [toText('django_http_requests_total_by_view_transport_method_total', {
          view: 'dcim:site_list',
          method: '<invalid method>',
          ...HTTP,
        })]: -3,
        [toText('django_http_responses_total_by_status_total', { status: '405' })]: -3,
        [toText('django_http_responses_total_by_status_total', { status: '400' })]: 3,
        [byStatus('405', { view: 'dcim:site_list', method: '<invalid method>' })]: -3,
        [byStatus('400', { ...UNNAMED, method: '<invalid method>' })]: 3,
        ...requestSizes({ 0: -3 }),
        ...responseSizes({ 0: -3 }, 0),
      },
    },
    {
      because: 'streams have sizes',
      by: responseSizes({ 32: 5, 1024: 4, 524288: 2 }, 5 * 21 + 4 * 1000 + 2 * 300_000),
    },
    {
      because: 'a body in one piece is no stream',
      by: { django_http_responses_streaming_total: -4 },
    },
    {
      because: 'HEAD has no body',
      by: responseSizes({ 64: -6, 8: -3, 0: 9 }, -6 * 48 - 3 * 'put-0'.length),
    },
    {
      because: 'bodies without a length have sizes',
      // The view tells how much came, which is nothing with Django.
      by: {
        ...requestSizes({ 0: -3, 8192: 3 }, 3 * 5000),
        ...responseSizes({ 1: -3, 4: 3 }, 3 * ('5000'.length - '0'.length)),
      },
    },
    {
      because: 'a view without a name is its pattern',
      by: add(
        ...[-5, 5].map((n) => {
          const view = { view: n < 0 ? 'project.views.unnamed' : '/unnamed/', ...GET };
          return {
            [toText(LATENCY, view)]: n,
            [toText('django_http_requests_total_by_view_transport_method_total', { ...view, ...HTTP })]: n,
            [byStatus('200', view)]: n,
          };
        }),
      ),
    },
    {
      because: 'failed writes are no writes',
      by: { [toText('django_model_inserts_total', MODEL)]: -3 },
    },
    {
      because: 'bulk writes count their rows',
      by: {
        [toText('django_model_inserts_total', MODEL)]: 6,
        [toText('django_model_updates_total', MODEL)]: 12,
        [toText('django_model_deletes_total', MODEL)]: 6,
      },
    },
    {
      because: 'a connection that failed was not created',
      by: { [toText('django_db_new_connections_total', REPLICA)]: -3 },
    },
    {
      because: "Django's own statements",
      // The time zone for each new connection, and a look whether it still works after an error.
      by: {
        [toText('django_db_execute_total', POSTGRES)]: -4,
        [toText('django_db_query_duration_seconds_count', POSTGRES)]: -4,
      },
    },
    {
      because: 'keys of a multi-get count',
      by: {
        [toText('django_cache_get_total', REDIS)]: 4,
        [toText('django_cache_get_hits_total', REDIS)]: 2,
        [toText('django_cache_get_misses_total', REDIS)]: 2,
      },
    },
  ];
}

/** All of them in one. */
export function addUp(known: readonly KnownDifference[]): Record<string, number> {
  const sum = add(...known.map(({ by }) => by));
  return Object.fromEntries(
    Object.entries(sum)
      .filter(([, value]) => value !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function add(...parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const part of parts) for (const [series, by] of Object.entries(part)) sum[series] = (sum[series] ?? 0) + by;
  return sum;
}

type View = Readonly<{ view: string; method: string }>;

/** Requests that the second middleware of django-prometheus counts. */
function requests(n: number, view: View): Record<string, number> {
  return {
    [toText('django_http_requests_total_by_method_total', { method: view.method })]: n,
    [toText('django_http_requests_total_by_transport_total', HTTP)]: n,
    [toText(LATENCY, view)]: n,
    // This family has those for which a view was found.
    ...(view.view !== UNNAMED.view && {
      [toText('django_http_requests_total_by_view_transport_method_total', { ...view, ...HTTP })]: n,
    }),
  };
}

function responses(n: number, status: string, view: View): Record<string, number> {
  return {
    [toText('django_http_responses_total_by_status_total', { status })]: n,
    [byStatus(status, view)]: n,
    [toText('django_http_responses_total_by_charset_total', { charset: 'utf-8' })]: n,
  };
}

function byStatus(status: string, view: View): string {
  return toText('django_http_responses_total_by_status_view_method_total', { status, ...view });
}

/** Requests that the first middleware of django-prometheus counts. */
function before(n: number): Record<string, number> {
  return {
    django_http_requests_before_middlewares_total: n,
    django_http_responses_before_middlewares_total: n,
    django_http_requests_latency_including_middlewares_seconds_count: n,
  };
}

function requestSizes(buckets: Readonly<Record<string, number>>, sum: number = 0): Record<string, number> {
  return sizes(REQUEST_SIZES, buckets, sum);
}

function responseSizes(buckets: Readonly<Record<string, number>>, sum: number): Record<string, number> {
  return sizes(RESPONSE_SIZES, buckets, sum);
}

function sizes(family: string, buckets: Readonly<Record<string, number>>, sum: number): Record<string, number> {
  const count = Object.values(buckets).reduce((total, n) => total + n, 0);
  return {
    ...Object.fromEntries(Object.entries(buckets).map(([le, n]) => [toText(`${family}_bucket`, { le }), n])),
    [`${family}_count`]: count,
    [`${family}_sum`]: sum,
  };
}

function bucketOf(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}

import type { FamilyDefinition } from '../snapshot/snapshot.ts';
import type { DerivationSource, DerivedFamily } from './derivation.ts';
import { DJANGO_BODY_BUCKETS, DJANGO_LATENCY_BUCKETS } from './django-buckets.ts';
import { toErrorType } from './django-errors.ts';
import { toBackend, toCharset, toMethod, toVendor, toView, UNMATCHED } from './django-labels.ts';
import type { ToLabels } from './relabelling.ts';

const requests = 'http_server_requests';
const responses = 'http_server_responses';
const durations = 'http_server_request_duration_seconds';
const thrown = 'http_server_thrown';

const WRITES = ['insert', 'update', 'delete'] as const;

const all: ToLabels = () => [];
const none: ToLabels = () => undefined;
const model: ToLabels = (value) => [value('model')];

/**
 * The families of django-prometheus that are derived: names, labels, bounds and help texts are its
 * own.
 */
export const DJANGO_FAMILIES: readonly DerivedFamily[] = [
  counter(
    'http_requests_before_middlewares',
    'Total count of requests before middlewares run.',
    [],
    from(requests, all),
  ),
  counter(
    'http_responses_before_middlewares',
    'Total count of responses before middlewares run.',
    [],
    from(responses, all),
  ),
  histogram(
    'http_requests_latency_including_middlewares_seconds',
    'Histogram of requests processing time (including middleware processing time).',
    [],
    DJANGO_LATENCY_BUCKETS,
    from(durations, all),
  ),
  counter(
    'http_requests_unknown_latency_including_middlewares',
    'Count of requests for which the latency was unknown (when computing django_http_requests_latency_including_middlewares_seconds).',
    [],
    from(requests, none),
  ),
  counter(
    'http_requests_unknown_latency',
    'Count of requests for which the latency was unknown.',
    [],
    from(requests, none),
  ),
  histogram(
    'http_requests_latency_seconds_by_view_method',
    'Histogram of request processing time labelled by view.',
    ['view', 'method'],
    DJANGO_LATENCY_BUCKETS,
    from(durations, (value, views) => [toView(value('route'), views), toMethod(value('method'))]),
  ),
  counter(
    'http_requests_total_by_method',
    'Count of requests by method.',
    ['method'],
    from(requests, (value) => [toMethod(value('method'))]),
  ),
  counter(
    'http_requests_total_by_transport',
    'Count of requests by transport.',
    ['transport'],
    from(requests, (value) => [value('scheme')]),
  ),
  counter(
    'http_requests_total_by_view_transport_method',
    'Count of requests by view, transport, method.',
    ['view', 'transport', 'method'],
    // Django counts here when it has found the view, so that a request for none is in no series.
    from(requests, (value, views) =>
      value('route') === UNMATCHED
        ? undefined
        : [toView(value('route'), views), value('scheme'), toMethod(value('method'))],
    ),
  ),
  histogram(
    'http_requests_body_total_bytes',
    'Histogram of requests by body size.',
    [],
    DJANGO_BODY_BUCKETS,
    from('http_server_request_body_size_bytes', all),
  ),
  histogram(
    'http_responses_body_total_bytes',
    'Histogram of responses by body size.',
    [],
    DJANGO_BODY_BUCKETS,
    from('http_server_response_body_size_bytes', all),
  ),
  counter(
    'http_responses_total_by_templatename',
    'Count of responses by template name.',
    ['templatename'],
    from('http_server_rendered_templates', (value) => [value('template')]),
  ),
  counter(
    'http_responses_total_by_status',
    'Count of responses by status.',
    ['status'],
    from(responses, (value) => [value('status')]),
  ),
  counter(
    'http_responses_total_by_status_view_method',
    'Count of responses by status, view, method.',
    ['status', 'view', 'method'],
    from(responses, (value, views) => [value('status'), toView(value('route'), views), toMethod(value('method'))]),
  ),
  counter(
    'http_responses_total_by_charset',
    'Count of responses by charset.',
    ['charset'],
    from(responses, (value) => [toCharset(value('charset'))]),
  ),
  counter(
    'http_responses_streaming',
    'Count of streaming responses.',
    [],
    from(responses, (value) => (value('streaming') === 'true' ? [] : undefined)),
  ),
  counter(
    'http_exceptions_total_by_type',
    'Count of exceptions by object type.',
    ['type'],
    from(thrown, (value) => [value('type')]),
  ),
  counter(
    'http_exceptions_total_by_view',
    'Count of exceptions by view.',
    ['view'],
    from(thrown, (value, views) => [toView(value('route'), views)]),
  ),

  ...WRITES.map((write) =>
    counter(
      `model_${write}s`,
      `Number of ${write} operations by model.`,
      ['model'],
      // Django shows all three of a model as soon as it knows it, so that they can be added up.
      ...WRITES.map((other) => ({ ...from(`model_${other}s`, model), showsOnly: other !== write })),
    ),
  ),

  counter(
    'db_new_connections',
    'Counter of created connections by database and by vendor.',
    ['alias', 'vendor'],
    from('db_client_connections_created', database),
  ),
  counter(
    'db_new_connection_errors',
    'Counter of connection failures by database and by vendor.',
    ['alias', 'vendor'],
    from('db_client_connection_errors', database),
  ),
  counter(
    'db_execute',
    'Counter of executed statements by database and by vendor, including bulk executions.',
    ['alias', 'vendor'],
    from('db_client_executions', statement),
  ),
  counter(
    'db_execute_many',
    'Counter of executed statements in bulk operations by database and by vendor.',
    ['alias', 'vendor'],
    from('db_client_batch_executions', database),
  ),
  counter(
    'db_errors',
    'Counter of execution errors by database, vendor and exception type.',
    ['alias', 'vendor', 'type'],
    from('db_client_error_codes', (value) => [...database(value), toErrorType(value('system'), value('code'))]),
  ),
  histogram(
    'db_query_duration_seconds',
    'Histogram of query duration by database and vendor.',
    ['alias', 'vendor'],
    DJANGO_LATENCY_BUCKETS,
    from('db_client_operation_duration_seconds', statement),
  ),

  counter(
    'cache_get',
    'Total get requests on cache',
    ['backend'],
    from('cache_gets', backend),
    from('cache_errors', failed),
  ),
  counter('cache_get_hits', 'Total hits on cache', ['backend'], from('cache_gets', only('hit'))),
  counter('cache_get_misses', 'Total misses on cache', ['backend'], from('cache_gets', only('miss'))),
  counter('cache_get_fail', 'Total get request failures by cache', ['backend'], from('cache_errors', failed)),
];

function database(value: (label: string) => string): readonly string[] {
  return [value('db'), toVendor(value('system'))];
}

/**
 * Django's drivers begin and end transactions themselves, without a statement that would be
 * counted.
 */
function statement(value: (label: string) => string): readonly string[] | undefined {
  return value('operation') === 'transaction' ? undefined : database(value);
}

function backend(value: (label: string) => string): readonly string[] {
  return [toBackend(value('backend'))];
}

function only(result: 'hit' | 'miss'): ToLabels {
  return (value) => (value('result') === result ? backend(value) : undefined);
}

function failed(value: (label: string) => string): readonly string[] | undefined {
  return value('operation').startsWith('get') ? backend(value) : undefined;
}

function from(family: string, toLabels: ToLabels): DerivationSource {
  return { family, toLabels };
}

function counter(
  name: string,
  help: string,
  labelNames: readonly string[],
  ...sources: readonly DerivationSource[]
): DerivedFamily {
  return { definition: define('counter', name, help, labelNames), sources };
}

function histogram(
  name: string,
  help: string,
  labelNames: readonly string[],
  bounds: readonly number[],
  ...sources: readonly DerivationSource[]
): DerivedFamily {
  return { definition: { ...define('histogram', name, help, labelNames), bounds, canonicalBounds: true }, sources };
}

function define(
  type: 'counter' | 'histogram',
  name: string,
  help: string,
  labelNames: readonly string[],
): FamilyDefinition {
  const unit = /_(seconds|bytes)$/.exec(name)?.[1] ?? '';
  return { name: `django_${name}`, type, help, unit, labelNames: Object.freeze(labelNames) };
}

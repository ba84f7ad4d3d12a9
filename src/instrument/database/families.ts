import { latencyBounds } from '../../compat/django-buckets.ts';
import { Counter } from '../../core/counter.ts';
import { Gauge } from '../../core/gauge.ts';
import { Histogram } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';

/**
 * Upper bounds for latencies, in seconds: the finest 100 µs, since a database beside the
 * application answers a lookup in less than a millisecond.
 */
export const DATABASE_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Upper bounds for rows: none at all, then those that OpenTelemetry recommends. */
export const ROW_BUCKETS: readonly number[] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** How the families of a registry are defined. */
export interface DatabaseFamilyOptions {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
  /** Called before a scrape is read, to bring the gauges up to date. */
  readonly collect?: (() => void) | undefined;
  /** Whose families are to be derived from these. @default nobody's */
  readonly compat?: 'django' | undefined;
}

/** The families of CATALOGUE's section on databases. */
export interface DatabaseFamilies {
  readonly connectionsCreated: Counter<'db' | 'system'>;
  readonly connectionErrors: Counter<'db' | 'system' | 'type'>;
  readonly connections: Gauge<'db' | 'system' | 'state'>;
  readonly connectionsMax: Gauge<'db' | 'system'>;
  readonly pendingRequests: Gauge<'db' | 'system'>;
  readonly connectionWait: Histogram<'db' | 'system'>;
  readonly executions: Counter<'db' | 'system' | 'operation'>;
  readonly batchExecutions: Counter<'db' | 'system'>;
  readonly duration: Histogram<'db' | 'system' | 'operation'>;
  readonly returnedRows: Histogram<'db' | 'system' | 'operation'>;
  readonly errors: Counter<'db' | 'system' | 'type'>;
  readonly transactions: Counter<'db' | 'system' | 'outcome'>;
  /** Django's `type` is finer than ours: only with `compat`. */
  readonly errorCodes: Counter<'db' | 'system' | 'code'> | undefined;
}

/**
 * Defines all of them.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineDatabaseFamilies(options: DatabaseFamilyOptions): DatabaseFamilies {
  const { registry, namespace = '', compat, collect } = options;
  const prefix = namespace === '' ? 'db_client_' : `${namespace}_db_client_`;
  const common = <L extends string = never>(name: string, help: string, ...more: readonly L[]) => ({
    name: prefix + name,
    help,
    labelNames: ['db', 'system', ...more] as const,
    registry,
  });
  const seconds = { unit: 'seconds', buckets: [...latencyBounds(DATABASE_BUCKETS, compat)] };
  return {
    connectionsCreated: new Counter(common('connections_created', 'Connections that were opened.')),
    connectionErrors: new Counter(
      common('connection_errors', 'Connections that could not be had: opened, or got from the pool in time.', 'type'),
    ),
    connections: new Gauge({
      ...common('connections', 'Connections that the pools have, used or idle.', 'state'),
      ...(collect && { collect }),
    }),
    connectionsMax: new Gauge(common('connections_max', 'Connections that the pools may have at most.')),
    pendingRequests: new Gauge(common('pending_requests', 'Requests that wait for a connection of a pool.')),
    connectionWait: new Histogram({
      ...common('connection_wait_seconds', 'Time until a pool gave a connection, be it an idle one.'),
      ...seconds,
    }),
    executions: new Counter(
      common(
        'executions',
        'Statements executed, failed ones included; of a batch, each set of parameters.',
        'operation',
      ),
    ),
    batchExecutions: new Counter(common('batch_executions', 'Sets of parameters, or statements, executed in batches.')),
    duration: new Histogram({
      ...common(
        'operation_duration_seconds',
        'Time from a call to its result or its error; of a cursor or stream, to its end.',
        'operation',
      ),
      ...seconds,
    }),
    returnedRows: new Histogram({
      ...common('returned_rows', 'Rows that a call returned, where its kind returns any.', 'operation'),
      buckets: [...ROW_BUCKETS],
    }),
    errors: new Counter(common('errors', "Calls that failed, by class of SQLSTATE or the driver's code.", 'type')),
    transactions: new Counter(common('transactions', 'Transactions that ended, by what became of them.', 'outcome')),
    errorCodes:
      compat === 'django'
        ? new Counter(common('error_codes', "Calls that failed, by SQLSTATE or the driver's code.", 'code'))
        : undefined,
  };
}

import { latencyBounds } from '../../compat/django-buckets.ts';
import type { Counter } from '../../core/counter.ts';
import type { Gauge } from '../../core/gauge.ts';
import type { Histogram } from '../../core/histogram.ts';
import { FamilyGroup, type FamilyPlace } from '../recorder-kit/family-group.ts';

/**
 * Upper bounds for latencies, in seconds: the finest is 100 µs, since a database beside the
 * application answers a lookup in less than a millisecond.
 */
export const DATABASE_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Upper bounds for rows: zero, then those that OpenTelemetry recommends. */
export const ROW_BUCKETS: readonly number[] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Options for defining the families of a registry. */
export interface DatabaseFamilyOptions extends FamilyPlace {
  /** Called before a scrape is read, to bring the gauges up to date. */
  readonly collect?: (() => void) | undefined;
  /** The library whose families are derived from these. @default none */
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
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 */
export function defineDatabaseFamilies(options: DatabaseFamilyOptions): DatabaseFamilies {
  const { compat, collect } = options;
  const families = new FamilyGroup(options, 'db_client');
  const seconds = { unit: 'seconds', buckets: [...latencyBounds(DATABASE_BUCKETS, compat)] };
  return {
    connectionsCreated: families.counter('connections_created', 'Connections that were opened.', ['db', 'system']),
    connectionErrors: families.counter(
      'connection_errors',
      'Connections that could not be opened, or not be got from the pool in time, by type of error.',
      ['db', 'system', 'type'],
    ),
    connections: families.gauge(
      'connections',
      'Connections that the pools have, used or idle.',
      ['db', 'system', 'state'],
      { ...(collect && { collect }) },
    ),
    connectionsMax: families.gauge('connections_max', 'Connections that the pools may have at most.', ['db', 'system']),
    pendingRequests: families.gauge('pending_requests', 'Requests that wait for a connection of a pool.', [
      'db',
      'system',
    ]),
    connectionWait: families.histogram(
      'connection_wait_seconds',
      'Time until a pool gave a connection, an idle one included.',
      ['db', 'system'],
      seconds,
    ),
    executions: families.counter(
      'executions',
      'Statements executed, failed ones included; of a batch, each set of parameters.',
      ['db', 'system', 'operation'],
    ),
    batchExecutions: families.counter('batch_executions', 'Sets of parameters, or statements, executed in batches.', [
      'db',
      'system',
    ]),
    duration: families.histogram(
      'operation_duration_seconds',
      'Time from a call to its result or its error; of a cursor or stream, to its end.',
      ['db', 'system', 'operation'],
      seconds,
    ),
    returnedRows: families.histogram(
      'returned_rows',
      'Rows that a call returned, for calls that return any.',
      ['db', 'system', 'operation'],
      { buckets: [...ROW_BUCKETS] },
    ),
    errors: families.counter('errors', "Calls that failed, by class of SQLSTATE or the driver's code.", [
      'db',
      'system',
      'type',
    ]),
    transactions: families.counter('transactions', 'Transactions that ended, by outcome.', ['db', 'system', 'outcome']),
    errorCodes:
      compat === 'django'
        ? families.counter('error_codes', "Calls that failed, by SQLSTATE or the driver's code.", [
            'db',
            'system',
            'code',
          ])
        : undefined,
  };
}

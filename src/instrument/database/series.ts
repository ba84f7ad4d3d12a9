import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { BoundCounter } from '../../core/counter.ts';
import { Handles } from '../recorder-kit/handles.ts';
import type { DatabaseOperation, Statement } from '../sql/statement.ts';
import { databaseErrorCode, databaseErrorType } from './errors.ts';
import type { DatabaseFamilies } from './families.ts';
import { type PoolChanges, PoolSeries } from './pool.ts';

/** The database's system, by OpenTelemetry's names. */
export type DatabaseSystem = 'postgresql' | 'mysql' | 'mariadb' | 'sqlite' | 'mongodb';

/** How a transaction ended. */
export type TransactionOutcome = 'committed' | 'rolled_back';

/** For calls that return no rows by their kind, such as an INSERT. */
export const NO_ROWS = -1;

/** Applications can raise SQLSTATEs of their own: no more types than this are told apart. */
const TYPE_LIMIT = 100;

/**
 * The series of one database. Drivers of SQL tell a session (one a connection), which knows about
 * transactions; drivers without SQL, such as MongoDB's, tell this directly.
 */
export class DatabaseSeries {
  readonly db: string;
  readonly system: DatabaseSystem;
  readonly #families: DatabaseFamilies;
  readonly #changes: PoolChanges;
  readonly #labels: { readonly db: string; readonly system: DatabaseSystem };
  readonly #operations: Handles<OperationSeries>;
  readonly #types: Handles<BoundCounter>;
  readonly #connectionTypes: Handles<BoundCounter>;
  // These show from the start, so that rates have their zero.
  readonly #created: BoundCounter;
  readonly #committed: BoundCounter;
  readonly #rolledBack: BoundCounter;
  #latest: OperationSeries | undefined;
  #batches: BoundCounter | undefined;

  constructor(families: DatabaseFamilies, db: string, system: DatabaseSystem, changes: PoolChanges) {
    this.#changes = changes;
    this.db = db;
    this.system = system;
    this.#families = families;
    const labels = { db, system };
    this.#labels = labels;
    this.#operations = new Handles((operation) => new OperationSeries(families, { ...labels, operation }));
    this.#types = new Handles((type) => families.errors.labels({ ...labels, type }), TYPE_LIMIT);
    this.#connectionTypes = new Handles((type) => families.connectionErrors.labels({ ...labels, type }), TYPE_LIMIT);
    this.#created = families.connectionsCreated.labels(labels);
    this.#committed = families.transactions.labels({ ...labels, outcome: 'committed' });
    this.#rolledBack = families.transactions.labels({ ...labels, outcome: 'rolled_back' });
  }

  /** Returns the gauges of a pool. */
  pool(): PoolSeries {
    return new PoolSeries(this.#families, this.#labels, this.#changes);
  }

  /** A connection was opened. */
  connected(): void {
    this.#created.inc();
  }

  /**
   * A connection could not be opened, or not be got from a pool.
   * @param error What was thrown, or the label.
   */
  connectionFailed(error: unknown): void {
    this.#connectionTypes.of(typeOf(error)).inc();
  }

  /** Statements were handed to the database. */
  started({ operation }: Statement, times: number = 1): void {
    this.#operation(operation).executions.inc(times);
  }

  /** A call has ended, well or not. @param rows How many it returned, or `NO_ROWS`. */
  ended({ operation }: Statement, seconds: number, rows: number = NO_ROWS): void {
    const series = this.#operation(operation);
    series.duration.observe(seconds);
    if (rows >= 0) series.returned(rows);
  }

  /**
   * A call has failed; its duration is told by `ended`.
   * @param error What was thrown, or the label.
   */
  failed(error: unknown): void {
    const type = typeOf(error);
    const label = this.#types.labelOf(type);
    this.#types.of(type).inc();
    const { errorCodes } = this.#families;
    if (errorCodes === undefined) return;
    const code = typeof error === 'string' ? error : databaseErrorCode(error);
    // A type past the limit has a code past it.
    errorCodes.labels({ ...this.#labels, code: label === type ? code : label }).inc();
  }

  /** A batch of so many sets of parameters, or statements, was executed; they are `started` too. */
  batched(times: number): void {
    (this.#batches ??= this.#families.batchExecutions.labels(this.#labels)).inc(times);
  }

  /** A transaction has ended. */
  transaction(outcome: TransactionOutcome): void {
    (outcome === 'committed' ? this.#committed : this.#rolledBack).inc();
  }

  #operation(operation: DatabaseOperation): OperationSeries {
    // Hot path: a call begins and ends with one operation, and many calls in a row are alike.
    if (this.#latest?.operation === operation) return this.#latest;
    const series = this.#operations.of(operation);
    this.#latest = series;
    return series;
  }
}

function typeOf(error: unknown): string {
  return typeof error === 'string' ? error : databaseErrorType(error);
}

/** The bound series of an operation. */
class OperationSeries {
  readonly operation: string;
  readonly executions: BoundCounter;
  readonly duration: BoundHistogram;
  readonly #rows: () => BoundHistogram;
  #returned: BoundHistogram | undefined;

  constructor(
    families: DatabaseFamilies,
    labels: { readonly db: string; readonly system: string; readonly operation: string },
  ) {
    this.operation = labels.operation;
    this.executions = families.executions.labels(labels);
    this.duration = families.duration.labels(labels);
    this.#rows = () => families.returnedRows.labels(labels);
  }

  returned(rows: number): void {
    (this.#returned ??= this.#rows()).observe(rows);
  }
}

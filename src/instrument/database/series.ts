import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { BoundCounter } from '../../core/counter.ts';
import { databaseErrorCode, databaseErrorType } from './errors.ts';
import type { DatabaseFamilies } from './families.ts';
import { type PoolChanges, PoolSeries } from './pool.ts';
import type { DatabaseOperation, Verb } from '../sql/sql-verbs.ts';

/** Who speaks: OpenTelemetry's names. */
export type DatabaseSystem = 'postgresql' | 'mysql' | 'mariadb' | 'sqlite' | 'mongodb';

/** What became of a transaction. */
export type TransactionOutcome = 'committed' | 'rolled_back';

/** For calls that return no rows by their kind, such as an INSERT. */
export const NO_ROWS = -1;

/** The type of an error past the limit. */
const OVERFLOW = '<overflow>';

/** Applications can raise SQLSTATEs of their own; nobody has more than this to tell apart. */
const TYPE_LIMIT = 100;

/**
 * What is recorded of one database. What drivers say is told to a session (one a connection), which
 * knows about transactions; what comes without SQL, as with MongoDB, is told here.
 */
export class DatabaseSeries {
  readonly db: string;
  readonly system: DatabaseSystem;
  readonly #families: DatabaseFamilies;
  readonly #changes: PoolChanges;
  readonly #labels: { readonly db: string; readonly system: DatabaseSystem };
  readonly #operations: Map<DatabaseOperation, OperationSeries> = new Map();
  readonly #types: Map<string, BoundCounter> = new Map();
  readonly #connectionTypes: Map<string, BoundCounter> = new Map();
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
    this.#labels = { db, system };
    this.#created = families.connectionsCreated.labels(this.#labels);
    this.#committed = families.transactions.labels({ ...this.#labels, outcome: 'committed' });
    this.#rolledBack = families.transactions.labels({ ...this.#labels, outcome: 'rolled_back' });
  }

  /** A pool begins. */
  pool(): PoolSeries {
    return new PoolSeries(this.#families, this.#labels, this.#changes);
  }

  /** A connection was opened. */
  connected(): void {
    this.#created.inc();
  }

  /** No connection could be had. @param error What was thrown, or the label. */
  connectionFailed(error: unknown): void {
    const type = this.#typeOf(error, this.#connectionTypes);
    let bound = this.#connectionTypes.get(type);
    if (bound === undefined) {
      this.#connectionTypes.set(type, (bound = this.#families.connectionErrors.labels({ ...this.#labels, type })));
    }
    bound.inc();
  }

  /** Statements were handed to the database. */
  started({ operation }: Verb, times: number = 1): void {
    this.#operation(operation).executions.inc(times);
  }

  /** A call has ended, well or not. @param rows How many it returned, or `NO_ROWS`. */
  ended({ operation }: Verb, seconds: number, rows: number = NO_ROWS): void {
    const series = this.#operation(operation);
    series.duration.observe(seconds);
    if (rows >= 0) series.returned(rows);
  }

  /**
   * A call has failed; what it took is told by `ended`.
   * @param error What was thrown, or the label.
   */
  failed(error: unknown): void {
    const type = this.#typeOf(error, this.#types);
    let bound = this.#types.get(type);
    if (bound === undefined) {
      this.#types.set(type, (bound = this.#families.errors.labels({ ...this.#labels, type })));
    }
    bound.inc();
    const code = typeof error === 'string' ? error : databaseErrorCode(error);
    // What is past the limit there is past it here.
    this.#families.errorCodes?.labels({ ...this.#labels, code: type === OVERFLOW ? OVERFLOW : code }).inc();
  }

  /** A batch was executed, of so many sets of parameters, or statements; they are `started` too. */
  batched(times: number): void {
    (this.#batches ??= this.#families.batchExecutions.labels(this.#labels)).inc(times);
  }

  /** A transaction has ended. */
  transaction(outcome: TransactionOutcome): void {
    (outcome === 'committed' ? this.#committed : this.#rolledBack).inc();
  }

  #operation(operation: DatabaseOperation): OperationSeries {
    // What begins also ends, and many statements in a row are alike.
    if (this.#latest?.operation === operation) return this.#latest;
    let series = this.#operations.get(operation);
    if (series === undefined) {
      series = new OperationSeries(this.#families, { ...this.#labels, operation });
      this.#operations.set(operation, series);
    }
    this.#latest = series;
    return series;
  }

  #typeOf(error: unknown, known: ReadonlyMap<string, BoundCounter>): string {
    const type = typeof error === 'string' ? error : databaseErrorType(error);
    return known.has(type) || known.size < TYPE_LIMIT ? type : OVERFLOW;
  }
}

/** The bound series of an operation. */
class OperationSeries {
  readonly operation: DatabaseOperation;
  readonly executions: BoundCounter;
  readonly duration: BoundHistogram;
  readonly #rows: () => BoundHistogram;
  #returned: BoundHistogram | undefined;

  constructor(
    families: DatabaseFamilies,
    labels: { readonly db: string; readonly system: string; readonly operation: DatabaseOperation },
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

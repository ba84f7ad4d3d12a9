import type { BoundCounter } from '../../core/counter.ts';
import type { InstrumentOptions } from '../hooks/attach.ts';
import type { FamilyPlace } from '../recorder-kit/family-group.ts';
import { perRegistry } from '../recorder-kit/per-registry.ts';
import type { Write, WriteSink } from '../sql/sql-write.ts';
import { defineModelFamilies, type ModelFamilies } from './families.ts';

const WRITES: readonly Write[] = ['insert', 'update', 'delete'];

/** Options that every adapter for models takes. */
export interface InstrumentModelsOptions extends InstrumentOptions {
  /**
   * Prefix of each model's name, with a point between, for applications in which two databases or
   * modules have models of the same name.
   *
   * @default none
   */
  readonly app?: string | undefined;
}

const familiesOf: (place: FamilyPlace) => ModelFamilies = perRegistry('model', defineModelFamilies);

/**
 * Counts the rows that models write. All recorders of a registry share the families.
 *
 * Rows count when their statement succeeds, also in a transaction: it may take long, and not every
 * library tells its end. Rows that are rolled back count again as such, so that the difference is
 * what was committed. A process that is killed rolls back what it left open.
 */
export class ModelRecorder implements WriteSink {
  readonly #families: ModelFamilies;
  readonly #prefix: string;
  readonly #modelOf: (table: string) => string;

  /**
   * @param modelOf Names a table's model; else the table is the model.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
   */
  constructor(place: FamilyPlace, app: string = '', modelOf: (table: string) => string = (table) => table) {
    this.#families = familiesOf(place);
    this.#prefix = app === '' ? '' : `${app}.`;
    this.#modelOf = modelOf;
  }

  /**
   * Makes a model's series before it is used, so that rates see the first row. For libraries that
   * know their models.
   */
  declare(model: string): void {
    for (const write of WRITES) this.#counter(write, model);
  }

  wrote(write: Write, model: string, rows: number | bigint | null | undefined): void {
    const count = Number(rows ?? 0);
    if (count > 0 && Number.isFinite(count)) this.#counter(write, model).inc(count);
  }

  /** Rows that were counted are part of an open transaction; with a negative number no longer. */
  opened(write: Write, model: string, rows: number): void {
    this.#families.open.labels({ model: this.#labelOf(model), operation: write }).inc(rows);
  }

  /** Counts rows again, those of a transaction that was rolled back. */
  rolledBack(write: Write, model: string, rows: number): void {
    this.#families.rolledBack.labels({ model: this.#labelOf(model), operation: write }).inc(rows);
  }

  /** Begins a transaction. Rows written in it must be counted through the result. */
  begin(): ModelTransaction {
    return new ModelTransaction(this);
  }

  #counter(write: Write, model: string): BoundCounter {
    const { inserts, updates, deletes } = this.#families;
    const family = write === 'insert' ? inserts : write === 'update' ? updates : deletes;
    return family.labels({ model: this.#labelOf(model) });
  }

  #labelOf(model: string): string {
    return this.#prefix + this.#modelOf(model);
  }
}

/**
 * Keeps the rows that were counted in a transaction, or since a savepoint, until its end is known.
 */
export class ModelTransaction implements WriteSink {
  readonly #recorder: ModelRecorder;
  readonly #parent: ModelTransaction | undefined;
  #noted: Map<string, Record<Write, number>> | undefined;
  #takenBack = false;
  #committed = false;
  #failed = false;

  constructor(recorder: ModelRecorder, parent?: ModelTransaction) {
    this.#recorder = recorder;
    this.#parent = parent;
  }

  wrote(write: Write, model: string, rows: number | bigint | null | undefined): void {
    this.#recorder.wrote(write, model, rows);
    const count = Number(rows ?? 0);
    if (!(count > 0) || !Number.isFinite(count) || this.#isOver) return;
    this.#recorder.opened(write, model, count);
    this.#note(write, model, count);
  }

  /** A savepoint, or a transaction in this one. */
  nest(): ModelTransaction {
    return new ModelTransaction(this.#recorder, this);
  }

  /** True if PostgreSQL has aborted it. */
  get failed(): boolean {
    return this.#failed;
  }

  /**
   * A statement in it was refused. PostgreSQL then refuses all that follow, and takes `commit` as
   * `rollback`; others go on.
   */
  refused(error: unknown): void {
    const { severity, cause } = (error ?? {}) as { readonly severity?: unknown; readonly cause?: unknown };
    if (typeof severity === 'string') this.#failed = true;
    else if (cause !== undefined && cause !== error) this.refused(cause);
  }

  /**
   * It was committed, or its savepoint released. Its rows, and those that are still reported to it,
   * share the outcome of the enclosing transaction.
   */
  commit(): void {
    if (this.#failed) return this.rollBack();
    this.#committed = true;
    const parent = this.#parent;
    for (const [model, counts] of this.#end()) {
      for (const write of WRITES) {
        const rows = counts[write];
        if (rows === 0) continue;
        if (parent) parent.#note(write, model, rows);
        else this.#recorder.opened(write, model, -rows);
      }
    }
  }

  /** It was rolled back, and so are rows that are still reported to it. */
  rollBack(): void {
    this.#takenBack = true;
    for (const [model, counts] of this.#end()) {
      for (const write of WRITES) {
        if (counts[write] === 0) continue;
        this.#recorder.rolledBack(write, model, counts[write]);
        this.#recorder.opened(write, model, -counts[write]);
      }
    }
  }

  /** True if it was committed, and so was everything around it. */
  get #isOver(): boolean {
    return this.#committed && (this.#parent === undefined || this.#parent.#isOver);
  }

  #note(write: Write, model: string, rows: number): void {
    if (this.#committed) {
      if (this.#parent) this.#parent.#note(write, model, rows);
      return;
    }
    this.#noted ??= new Map();
    let counts = this.#noted.get(model);
    if (!counts) this.#noted.set(model, (counts = { insert: 0, update: 0, delete: 0 }));
    counts[write] += rows;
    if (this.#takenBack) this.rollBack();
  }

  #end(): Iterable<[string, Record<Write, number>]> {
    const noted = this.#noted ?? [];
    this.#noted = undefined;
    return noted;
  }
}

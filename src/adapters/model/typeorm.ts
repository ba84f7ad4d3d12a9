import { attach, uninstrument } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../instrument/model/recorder.ts';
import type { WriteSink } from '../../instrument/sql/sql-write.ts';
import { dialectOf } from '../../instrument/sql/dialect.ts';
import { SqlConnection } from '../../instrument/model/sql-connection.ts';
import { TableModels } from '../../instrument/model/table-models.ts';
import { observeMethod } from '../../instrument/hooks/observe.ts';
import { after } from '../../instrument/hooks/wrap.ts';

export { uninstrument };

/**
 * The part of a data source that is used: its query runners, and its entities, which it knows after
 * `initialize`.
 */
export interface DataSourceLike {
  readonly entityMetadatas: readonly object[];
  createQueryRunner(): object;
  initialize(): Promise<unknown>;
}

/** Options of {@link instrumentTypeorm}. */
export interface InstrumentTypeormOptions extends InstrumentModelsOptions {}

/** An entity. */
interface Metadata {
  readonly name: string;
  /** With database and schema, where it has them. */
  readonly tablePath: string;
  /** Entities in one table are children of the one that has it; views are not written to. */
  readonly tableType: string;
}

/**
 * A connection that is reserved while it is needed, or the only one. Drivers without SQL have no
 * `query`.
 */
interface QueryRunner {
  query?: Query;
}

type Query = (this: QueryRunner, sql: string, parameters?: unknown, structured?: boolean) => Promise<unknown>;

/** The result of a query that is asked for a structured result; `raw` is the plain one. */
interface QueryResult {
  readonly raw: unknown;
  readonly records?: readonly unknown[];
  readonly affected?: number | null;
}

/** Counts the statements of a query runner, while `state.on` is true. */
interface Watcher {
  readonly connection: SqlConnection;
  readonly state: { readonly on: boolean };
}

const watchers: WeakMap<QueryRunner, Watcher> = new WeakMap();
const replacements: WeakMap<Query, Query> = new WeakMap();

/**
 * Counts the rows that a TypeORM data source writes, by entity, whatever writes them: `save` with
 * all that it cascades to, bulk writes, query builders, raw SQL. The query runners that it makes
 * are watched: subscribers are not told how many rows there were.
 *
 * @returns the data source; before or after `initialize()` is the same.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const dataSource = instrumentTypeorm(new DataSource({ type: 'postgres', url:
 * process.env.DATABASE_URL, entities }));
 */
export function instrumentTypeorm<D extends DataSourceLike>(dataSource: D, options: InstrumentTypeormOptions = {}): D {
  return attach(dataSource, 'typeorm', options, (instrumentation) => {
    const models = new TableModels();
    const recorder = new ModelRecorder(instrumentation, options.app, models.modelOf);
    const state = { on: true };
    const dialect = dialectOf((dataSource as { readonly options?: { readonly type?: unknown } }).options?.type);
    let known: readonly object[] = [];
    const learn = guarded(() => {
      if (known === dataSource.entityMetadatas) return;
      known = dataSource.entityMetadatas;
      for (const { name, tablePath, tableType } of known as readonly Metadata[]) {
        if (tableType === 'view' || tableType === 'entity-child') continue;
        const [table, schema] = tablePath.split('.').toReversed();
        recorder.declare(models.add(name, table!, schema));
      }
    });
    const watch = guarded((runner: QueryRunner) => {
      const watcher = watchers.get(runner);
      if (watcher?.state.on) return;
      watchers.set(runner, { connection: new SqlConnection(recorder, dialect), state });
      if (!watcher) watchQuery(runner);
    });
    learn();
    const hooks = new Disposers();
    hooks.add(
      () => (state.on = false),
      after(dataSource, 'createQueryRunner', (runner) => {
        learn();
        watch(runner as QueryRunner);
      }),
      observeMethod(dataSource, 'initialize', () => learn),
    );
    return hooks.dispose;
  });
}

/** Runners are made for each query, and share what their `query` is replaced by. */
function watchQuery(runner: QueryRunner): void {
  const { query } = runner;
  if (typeof query !== 'function') return;
  let replacement = replacements.get(query);
  if (!replacement) {
    replacement = Object.defineProperties(watched(query), Object.getOwnPropertyDescriptors(query));
    replacements.set(query, replacement);
  }
  Object.defineProperty(runner, 'query', { value: replacement, writable: true, configurable: true });
}

/**
 * Always asks for a structured result: only that has the number of rows, and it contains the plain
 * result.
 */
function watched(query: Query): Query {
  return function (this: QueryRunner, sql, parameters, structured) {
    const watcher = watchers.get(this);
    if (!watcher?.state.on || typeof sql !== 'string') return query.call(this, sql, parameters, structured);
    const { connection } = watcher;
    const sink = connection.sent(sql);
    return query.call(this, sql, parameters, true).then(
      (result) => {
        if (!isResult(result)) return result;
        answered(connection, sql, result, sink);
        return structured === true ? result : result.raw;
      },
      (error: unknown) => {
        refused(connection, sql, error);
        throw error;
      },
    );
  };
}

const answered = guarded((connection: SqlConnection, sql: string, result: QueryResult, sink: WriteSink) => {
  connection.succeeded(sql, rowsOf(result), sink, (result as { readonly raw?: unknown }).raw);
});

/** Errors come as TypeORM's own, around the driver's. */
const refused = guarded((connection: SqlConnection, sql: string, error: unknown) => {
  connection.failed(sql, (error as { readonly driverError?: unknown }).driverError);
});

function isResult(result: unknown): result is QueryResult {
  return typeof result === 'object' && result !== null && result.constructor.name === 'QueryResult';
}

function rowsOf({ affected, records }: QueryResult): number | undefined {
  return affected ?? records?.length;
}

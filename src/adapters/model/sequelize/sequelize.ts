import { attach, uninstrument } from '../../../instrument/hooks/attach.ts';
import { Disposers } from '../../../instrument/hooks/disposers.ts';
import { guarded } from '../../../instrument/hooks/guard.ts';
import {
  type CountedPool,
  type InstrumentPoolOptions,
  systemOf,
  watchCountedPool,
} from '../../../instrument/database/library-pools.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../../instrument/model/recorder.ts';
import { dialectOf } from '../../../instrument/sql/dialect.ts';
import { SqlConnection } from '../../../instrument/model/sql-connection.ts';
import { TableModels } from '../../../instrument/model/table-models.ts';
import { type SequelizeConnection, watchSequelizeConnection } from './connection.ts';

export { uninstrument };

/** The part of Sequelize that is used: its hooks and its models. */
export interface SequelizeLike {
  readonly models: object;
  addHook(type: string, name: string, hook: (...args: never[]) => void): unknown;
  removeHook(type: string, name: string): unknown;
}

/** Options of {@link instrumentSequelize}. */
export interface InstrumentSequelizeOptions extends InstrumentModelsOptions, InstrumentPoolOptions {}

interface Model {
  readonly name: string;
  getTableName(): string | { readonly tableName: string; readonly schema?: string };
}

/** Sequelize's object for a query. */
interface Query {
  readonly connection?: SequelizeConnection;
  readonly options?: { readonly type?: string };
  /** SQLite: which method of the connection executes it. */
  getDatabaseMethod?: () => string;
}

interface Internals {
  readonly options?: { readonly dialect?: string };
  readonly connectionManager?: {
    readonly pool?: CountedPool | { readonly read: CountedPool; readonly write: CountedPool };
  };
}

/** Returns the pools of an instance: two with replication, none for SQLite. */
function poolsOf({ options, connectionManager }: Internals): readonly CountedPool[] {
  const pool = connectionManager?.pool;
  const system = systemOf(options?.dialect);
  if (pool === undefined || system === undefined || system === 'sqlite') return [];
  return 'read' in pool ? [pool.read, pool.write] : [pool];
}

const HOOK = 'promenade';

/**
 * Counts the rows that Sequelize writes, by model, whatever writes them: instances, bulk writes,
 * upserts, `findOrCreate`, associations, raw SQL. Its hook `beforeQuery` shows the connection that
 * each query uses, which then tells the rows; its other hooks do not tell all.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const sequelize = instrumentSequelize(new Sequelize(process.env.DATABASE_URL));
 */
export function instrumentSequelize<S extends SequelizeLike>(
  sequelize: S,
  options: InstrumentSequelizeOptions = {},
): S {
  return attach(sequelize, 'sequelize', options, (instrumentation) => {
    const models = new TableModels();
    const recorder = new ModelRecorder(instrumentation, options.app, models.modelOf);
    const state = { on: true };
    const dialect = dialectOf((sequelize as Internals).options?.dialect);
    const learn = (model: Model): void => {
      const table = model.getTableName();
      const { tableName, schema } = typeof table === 'string' ? { tableName: table } : table;
      recorder.declare(models.add(model.name, tableName, schema));
    };
    for (const model of Object.values(sequelize.models) as readonly Model[]) learn(model);
    sequelize.addHook('afterDefine', HOOK, guarded(learn));
    sequelize.addHook(
      'beforeQuery',
      HOOK,
      guarded((_: unknown, query: Query) => {
        const { connection, options: given } = query;
        if (connection) watchSequelizeConnection(connection, state, () => new SqlConnection(recorder, dialect));
        // Sequelize takes `all` for it, which does not tell the rows, and then ignores what it
        // gives.
        if (query.getDatabaseMethod && given?.type === 'DELETE') query.getDatabaseMethod = () => 'run';
      }),
    );
    const hooks = new Disposers();
    hooks.add(
      () => (state.on = false),
      ...['afterDefine', 'beforeQuery'].map((type) => () => sequelize.removeHook(type, HOOK)),
    );
    for (const pool of poolsOf(sequelize as Internals)) {
      const system = systemOf((sequelize as Internals).options?.dialect)!;
      const database = DatabaseRecorder.of(instrumentation).database(options.db ?? 'default', system);
      hooks.add(watchCountedPool(pool, database));
    }
    return hooks.dispose;
  });
}

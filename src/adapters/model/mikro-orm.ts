import { attach, uninstrument } from '../../instrument/hooks/attach.ts';
import { hookFailed } from '../../instrument/hooks/guard.ts';
import {
  type InstrumentPoolOptions,
  type PoolClient,
  systemOf,
  watchPoolClient,
} from '../../instrument/database/library-pools.ts';
import { DatabaseRecorder } from '../../instrument/database/recorder.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { listenToQueries, type QueryEvents } from '../../instrument/model/query-events.ts';
import { dialectOf } from '../../instrument/sql/dialect.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../instrument/model/recorder.ts';
import { TableModels } from '../../instrument/model/table-models.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { uninstrument };

/** The part of MikroORM that is used: its entities, and the connection that it writes to. */
export interface MikroOrmLike {
  readonly em: { getConnection(): object };
  getMetadata(): { getAll(): object };
}

/** Options of {@link instrumentMikroOrm}. */
export interface InstrumentMikroOrmOptions extends InstrumentModelsOptions, InstrumentPoolOptions {}

/** An entity, also of a pivot table. */
interface Metadata {
  readonly className: string;
  /** Where entities share a table, the one whose table it is. */
  readonly root?: Metadata;
  readonly tableName?: string;
  /** `*` where it is told with each query. */
  readonly schema?: string;
  readonly abstract?: boolean;
  readonly discriminatorColumn?: string;
  readonly embeddable?: boolean;
  readonly virtual?: boolean;
}

/** A connection of MikroORM 6 for SQL; that for MongoDB has neither. */
interface Connection {
  getKnex?(): QueryEvents & { readonly client?: PoolClient };
  /** Makes the Knex instance, when it connects: again after `orm.close()`. */
  createKnex?(): void;
}

/**
 * Counts the rows that MikroORM writes, by entity, whatever writes them: flushes with all that they
 * cascade to, `insertMany`, `nativeUpdate` and `nativeDelete`, query builders, raw SQL. Listens to
 * the events of the Knex instance that MikroORM shows; its own events leave out bulk writes.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const orm = instrumentMikroOrm(await MikroORM.init({ clientUrl: process.env.DATABASE_URL,
 * entities }));
 */
export function instrumentMikroOrm<O extends MikroOrmLike>(orm: O, options: InstrumentMikroOrmOptions = {}): O {
  return attach(orm, 'mikro-orm', options, (instrumentation) => {
    const models = new TableModels();
    const recorder = new ModelRecorder(instrumentation, options.app, models.modelOf);
    const entities = Object.values(orm.getMetadata().getAll()) as readonly Metadata[];
    for (const entity of entities) {
      const { className, tableName, schema, abstract, discriminatorColumn, embeddable, virtual } =
        entity.root ?? entity;
      if (!tableName || embeddable || virtual || (abstract && !discriminatorColumn)) continue;
      recorder.declare(models.add(className, tableName, schema === '*' ? undefined : schema));
    }
    const connection = orm.em.getConnection() as Connection;
    if (!connection.getKnex) return () => {};
    const watch = (): (() => void) => {
      const hooks = new Disposers();
      const knex = connection.getKnex!();
      const dialect = dialectOf(knex.client?.dialect);
      hooks.add(listenToQueries(knex, recorder, { connectionKey: '__knexUid', dialect }));
      const system = systemOf(knex.client?.dialect);
      if (knex.client && system) {
        const database = DatabaseRecorder.of(instrumentation).database(options.db ?? 'default', system);
        hooks.add(watchPoolClient(knex.client, database));
      }
      return hooks.dispose;
    };
    let stop = watch();
    const restore = wrapMethod<() => void>(connection, 'createKnex', (create) => () => {
      create.call(connection);
      try {
        stop();
        stop = watch();
      } catch (error) {
        hookFailed(error);
      }
    });
    return () => {
      restore();
      stop();
    };
  });
}

import { attach, uninstrument } from '../../instrument/hooks/attach.ts';
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

export { uninstrument };

/** The part of a Knex instance that is used: its events, and the client with its pool. */
export interface KnexLike extends QueryEvents {
  readonly client?: unknown;
}

/** Options of {@link instrumentKnex}. */
export interface InstrumentKnexOptions extends InstrumentModelsOptions, InstrumentPoolOptions {}

/**
 * Counts the rows that a Knex instance writes, by table, also in transactions, and for Objection
 * models that are bound to it; and shows its pool. Listens to the events of Knex and of the pool.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const knex = instrumentKnex(Knex({ client: 'pg', connection: process.env.DATABASE_URL }));
 */
export function instrumentKnex<K extends KnexLike>(knex: K, options: InstrumentKnexOptions = {}): K {
  return attach(knex, 'knex', options, (instrumentation) => {
    const hooks = new Disposers();
    const client = knex.client as PoolClient | undefined;
    const recorder = new ModelRecorder(instrumentation, options.app);
    hooks.add(listenToQueries(knex, recorder, { connectionKey: '__knexUid', dialect: dialectOf(client?.dialect) }));
    const system = systemOf(client?.dialect);
    if (client && system) {
      const database = DatabaseRecorder.of(instrumentation).database(options.db ?? 'default', system);
      hooks.add(watchPoolClient(client, database));
    }
    return hooks.dispose;
  });
}

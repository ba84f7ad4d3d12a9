import { attach, uninstrument } from '../../instrument/hooks/attach.ts';
import { type KnexLike, listenToKnex } from '../../instrument/model/query-events.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../instrument/model/recorder.ts';

export { type KnexLike, uninstrument };

/** Options of {@link instrumentKnex}. */
export interface InstrumentKnexOptions extends InstrumentModelsOptions {}

/**
 * Counts the rows that a Knex instance writes, by table, also in transactions, and for Objection
 * models that are bound to it. Listens to Knex's own events.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has families of these names
 *   that are none of ours.
 *
 * @example
 * const knex = instrumentKnex(Knex({ client: 'pg', connection: process.env.DATABASE_URL }));
 */
export function instrumentKnex<K extends KnexLike>(knex: K, options: InstrumentKnexOptions = {}): K {
  return attach(knex, 'knex', options, (instrumentation) => {
    return listenToKnex(knex, new ModelRecorder(instrumentation, options.app));
  });
}

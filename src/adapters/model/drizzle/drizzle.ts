import { attach, uninstrument } from '../../../instrument/hooks/attach.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../../instrument/model/recorder.ts';
import { DrizzleSessions, type Session } from './sessions.ts';

export { uninstrument };

/** Options of {@link instrumentDrizzle}. */
export interface InstrumentDrizzleOptions extends InstrumentModelsOptions {}

/**
 * Counts the rows that a Drizzle database writes, by table, also in transactions, batches and
 * prepared statements. What its session prepares is watched; Drizzle has no hooks.
 *
 * @returns the database.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const db = instrumentDrizzle(drizzle(process.env.DATABASE_URL));
 */
export function instrumentDrizzle<D extends object>(db: D, options: InstrumentDrizzleOptions = {}): D {
  return attach(db, 'drizzle', options, (instrumentation) => {
    const recorder = new ModelRecorder(instrumentation, options.app);
    const { session } = db as { readonly session?: Session };
    return session ? new DrizzleSessions(recorder).watch(session) : () => {};
  });
}

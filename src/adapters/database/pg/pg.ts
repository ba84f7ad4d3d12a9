import { attach, type InstrumentOptions, type Instrumentation } from '../../../instrument/hooks/attach.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { PgHooks } from './hooks.ts';
import type { PgClient, PgModule, PgPool } from './types.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { PgClient, PgModule, PgPool } from './types.ts';

/** Options for instrumenting pg. */
export interface InstrumentPgOptions extends InstrumentOptions {
  /**
   * The label `db`: your name for the database. Give pools of different databases different ones.
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/**
 * Measures what a pool, or a client, does: statements, rows, errors, transactions, connections.
 * Given the module itself, it measures all pools and clients that are made of it and have no hooks
 * of their own, as those that an ORM makes; a pool that is instrumented by itself keeps its alias.
 *
 * Costs some two microseconds of processor time a query.
 *
 * @returns the target.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 *
 * @example
 * const pool = instrumentPg(new Pool({ connectionString: process.env.DATABASE_URL }), { db:
 * 'default' });
 */
export function instrumentPg<T extends PgPool | PgClient | PgModule>(target: T, options: InstrumentPgOptions = {}): T {
  const { db = 'default' } = options;
  return attach(target, 'pg', options, (instrumentation: Instrumentation) => {
    const hooks = new PgHooks(DatabaseRecorder.of(instrumentation).database(db, 'postgresql'));
    if ('Pool' in target && 'Client' in target) hooks.module(target);
    else if ('totalCount' in target) hooks.pool(target);
    else hooks.client(target);
    return () => hooks.remove();
  });
}

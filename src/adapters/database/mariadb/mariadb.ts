import { attach, type InstrumentOptions, type Instrumentation } from '../../../instrument/hooks/attach.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { MariadbHooks } from './hooks.ts';
import type { MariadbConnection, MariadbPool } from './types.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { MariadbConnection, MariadbPool } from './types.ts';

/** Options for instrumenting mariadb. */
export interface InstrumentMariadbOptions extends InstrumentOptions {
  /**
   * The label `db`: your name for the database. Give pools of different databases different ones.
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/**
 * Measures what a pool or a connection does, of the promise or the callback API: statements,
 * batches, rows, errors, transactions, connections.
 *
 * Costs some two microseconds of processor time a query.
 *
 * @returns the target.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 *
 * @example
 * const pool = instrumentMariadb(mariadb.createPool({ host: 'localhost', user: 'app' }), { db:
 * 'default' });
 */
export function instrumentMariadb<T extends MariadbPool | MariadbConnection>(
  target: T,
  options: InstrumentMariadbOptions = {},
): T {
  const { db = 'default' } = options;
  return attach(target, 'mariadb', options, (instrumentation: Instrumentation) => {
    const hooks = new MariadbHooks(DatabaseRecorder.of(instrumentation).database(db, 'mariadb'));
    if ('getConnection' in target) hooks.pool(target);
    else hooks.connection(target);
    return () => hooks.remove();
  });
}

import { attach, type InstrumentOptions, type Instrumentation } from '../../../instrument/hooks/attach.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { LibsqlHooks } from './hooks.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';

/** The part of a client of @libsql/client that is used. */
export interface LibsqlClient {
  execute(statement: never, args?: never): Promise<unknown>;
  batch(statements: never, mode?: never): Promise<unknown>;
  executeMultiple(sql: string): Promise<void>;
  transaction(mode?: never): Promise<unknown>;
}

/** Options for instrumenting a client. */
export interface InstrumentLibsqlOptions extends InstrumentOptions {
  /**
   * The label `db`: your name for the database. Give clients of different databases different ones.
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/**
 * Measures what a client does, be its database a file or a server: statements, batches, rows,
 * errors, transactions.
 *
 * @returns the client.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 *
 * @example
 * const client = instrumentLibsql(createClient({ url: 'file:app.sqlite' }));
 */
export function instrumentLibsql<T extends LibsqlClient>(client: T, options: InstrumentLibsqlOptions = {}): T {
  const { db = 'default' } = options;
  return attach(client, 'libsql', options, (instrumentation: Instrumentation) => {
    const hooks = new LibsqlHooks(DatabaseRecorder.of(instrumentation).database(db, 'sqlite'));
    return hooks.client(client);
  });
}

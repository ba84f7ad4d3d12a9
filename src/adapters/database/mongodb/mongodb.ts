import { attach, type InstrumentOptions, type Instrumentation } from '../../../instrument/hooks/attach.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { MongodbCommands } from './commands.ts';
import { MongodbConnections } from './connections.ts';
import { listen } from './listen.ts';
import { monitorCommands } from './monitor.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';

/** The part of a MongoClient that is used, and that tells it from other emitters. */
export interface MongodbClient {
  on(event: never, listener: never): unknown;
  removeListener(event: never, listener: never): unknown;
  startSession(options?: never): unknown;
}

/** Options for instrumenting a client. */
export interface InstrumentMongodbOptions extends InstrumentOptions {
  /**
   * The label `db`: your name for the database. Give clients of different databases different ones.
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/**
 * Measures what a client does: commands, documents returned, errors, transactions, and its pools.
 * It listens to the driver's own events, and turns on `monitorCommands`, also for connections that
 * are open already.
 *
 * @returns the client.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 *
 * @example
 * const client = instrumentMongodb(new MongoClient(process.env.MONGODB_URL));
 */
export function instrumentMongodb<T extends MongodbClient>(client: T, options: InstrumentMongodbOptions = {}): T {
  const { db = 'default' } = options;
  return attach(client, 'mongodb', options, (instrumentation: Instrumentation) => {
    const series = DatabaseRecorder.of(instrumentation).database(db, 'mongodb');
    const commands = new MongodbCommands(series);
    const connections = new MongodbConnections(series, client);
    const monitor = monitorCommands(client);
    const removeListeners = listen(client, { ...commands.listeners, ...connections.listeners(monitor.renew) });
    return () => {
      removeListeners();
      monitor.end();
      connections.close();
    };
  });
}

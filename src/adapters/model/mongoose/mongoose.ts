import { attach, uninstrument } from '../../../instrument/hooks/attach.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../../instrument/model/recorder.ts';
import { MongooseHooks } from './hooks.ts';

export { uninstrument };

/** The part of a Mongoose instance that is used. */
export interface MongooseInstance {
  readonly connections: readonly object[];
}

/** The part of a connection that is used. */
export interface MongooseConnection {
  readonly models: object;
}

/** Options of {@link instrumentMongoose}. */
export interface InstrumentMongooseOptions extends InstrumentModelsOptions {}

/**
 * Counts the documents that models write, by model. The models' collections are watched, so that it
 * does not matter whether models are compiled, or connections opened, before or after.
 *
 * @param target A Mongoose instance, for all its connections, or one connection.
 * @returns the target.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * instrumentMongoose(mongoose);
 */
export function instrumentMongoose<T extends MongooseInstance | MongooseConnection>(
  target: T,
  options: InstrumentMongooseOptions = {},
): T {
  return attach(target, 'mongoose', options, (instrumentation) => {
    const hooks = new MongooseHooks(new ModelRecorder(instrumentation, options.app));
    // Of `import * as mongoose` the default is the instance, and so is an instance's own.
    const { default: own = target } = target as { readonly default?: object };
    if ('connections' in own) hooks.instance(own as never);
    else hooks.connection(own as never);
    return () => hooks.remove();
  });
}

import { listen } from '../../../instrument/hooks/listen.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import type { ModelRecorder } from '../../../instrument/model/recorder.ts';
import type { Write } from '../../../instrument/sql/sql-write.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { after, wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { type MongooseModel, modelsOf } from './models.ts';
import { type ClientSession, MongooseSessions } from './sessions.ts';
import { writesOf, writesOfError } from './writes.ts';

/** The part of a connection that is used. */
export interface MongooseConnection {
  readonly models: Readonly<Record<string, MongooseModel>>;
}

interface Mongoose {
  readonly connections: readonly MongooseConnection[];
  /** An emitter. */
  readonly events: object;
}

/**
 * Mongoose's own collection in front of the driver's. Calls before the connection is open wait in
 * its queue, and are made again.
 */
interface Collection {
  readonly queue?: readonly unknown[];
}

interface Options {
  readonly session?: ClientSession | null;
  readonly upsert?: boolean;
  readonly includeResultMetadata?: boolean;
}

/**
 * The methods of collections through which all writes of models go, and the position of their
 * options.
 */
const OPTIONS_AT: ReadonlyMap<string, number> = new Map([
  ['insertOne', 1],
  ['insertMany', 1],
  ['updateOne', 2],
  ['updateMany', 2],
  ['replaceOne', 2],
  ['deleteOne', 1],
  ['deleteMany', 1],
  ['findOneAndUpdate', 2],
  ['findOneAndReplace', 2],
  ['findOneAndDelete', 1],
  ['bulkWrite', 1],
]);

const WRITES: readonly Write[] = ['insert', 'update', 'delete'];

/** The hooks of one target. */
export class MongooseHooks {
  readonly #recorder: ModelRecorder;
  readonly #sessions: MongooseSessions;
  /**
   * Objects with hooks. Hooks are not taken off, since that would need references to all
   * connections; they become no-ops.
   */
  readonly #seen: WeakSet<object> = new WeakSet();
  #on: boolean = true;
  #ignore: (() => void) | undefined;

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
    this.#sessions = new MongooseSessions(recorder);
  }

  remove(): void {
    this.#on = false;
    this.#ignore?.();
  }

  instance({ connections, events }: Mongoose): void {
    for (const connection of connections) this.connection(connection);
    this.#ignore = listen(events, {
      createConnection: (connection: MongooseConnection) => this.connection(connection),
    });
  }

  connection(connection: MongooseConnection): void {
    if (!this.#on || this.#seen.has(connection)) return;
    this.#seen.add(connection);
    for (const model of Object.values(connection.models)) this.#model(model);
    listen(connection, { model: (model: MongooseModel) => this.#model(model) });
    after(connection, 'useDb', (other) => this.connection(other as MongooseConnection));
  }

  #model(model: MongooseModel): void {
    if (!this.#on) return;
    const { collection, modelName } = model;
    this.#recorder.declare(modelName);
    modelsOf(collection).add(model);
    this.#follow(model);
    if (this.#seen.has(collection)) return;
    this.#seen.add(collection);
    for (const [name, optionsAt] of OPTIONS_AT) this.#watch(collection, name, optionsAt);
  }

  /** A model can be given to another connection, which has another collection for it. */
  #follow(model: MongooseModel): void {
    if (this.#seen.has(model)) return;
    this.#seen.add(model);
    after(model, 'useConnection', (_result, [connection]) => {
      if (this.#seen.has(connection as object)) this.#model(model);
    });
  }

  #watch(collection: object, name: string, optionsAt: number): void {
    const isOn = (): boolean => this.#on;
    const observe = (self: unknown, original: Method, args: unknown[]): unknown => {
      return this.#observe(self as Collection, name, original, args, args[optionsAt] ?? {});
    };
    wrapMethod(collection, name, (original) => {
      return function (this: unknown, ...args) {
        if (!isOn()) return Reflect.apply(original, this, args);
        const options = args[optionsAt] as Options | undefined;
        const hides = name.startsWith('findOneAnd') && options?.upsert && !options.includeResultMetadata;
        // Mongoose 8 hands callbacks on.
        if (!hides || args.length > optionsAt + 1) return observe(this, original, args);
        // The document alone does not tell whether it is new.
        const asked = args.with(optionsAt, { ...options, includeResultMetadata: true });
        const answer = observe(this, original, asked) as Promise<{ readonly value?: unknown } | null>;
        return answer.then((result) => result?.value ?? null);
      };
    });
  }

  #observe(collection: Collection, name: string, original: Method, args: unknown[], options: Options): unknown {
    const waiting = collection.queue?.length ?? 0;
    const sink = this.#sessions.sinkOf(options.session);
    let queued = false;
    const call = (): unknown => {
      const result = Reflect.apply(original, collection, args);
      queued = (collection.queue?.length ?? 0) > waiting;
      return result;
    };
    return observeCall(call, (outcome) => {
      if (queued || !this.#on) return;
      // A write that fails in a transaction aborts it, so nothing was written.
      if (outcome.failed && sink !== this.#recorder) return;
      const writes = outcome.failed
        ? writesOfError(outcome.error)
        : writesOf(name, outcome.result, options.includeResultMetadata === true);
      const model = modelsOf(collection).nameOf(args[0]);
      for (const write of WRITES) sink.wrote(write, model, writes[write]);
    });
  }
}

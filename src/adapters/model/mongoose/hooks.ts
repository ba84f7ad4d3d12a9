import { guarded } from '../../../instrument/hooks/guard.ts';
import type { ModelRecorder } from '../../../instrument/model/recorder.ts';
import type { Write } from '../../../instrument/sql/sql-write.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { type MongooseModel, modelsOf } from './models.ts';
import { type ClientSession, MongooseSessions } from './sessions.ts';
import { writesOf, writesOfError } from './writes.ts';

/** What of a connection is used. */
export interface MongooseConnection {
  readonly models: Readonly<Record<string, MongooseModel>>;
  on(event: 'model', listener: (model: MongooseModel) => void): unknown;
  removeListener(event: 'model', listener: (model: MongooseModel) => void): unknown;
}

interface Mongoose {
  readonly connections: readonly MongooseConnection[];
  readonly events: {
    on(event: 'createConnection', listener: (connection: MongooseConnection) => void): unknown;
    removeListener(event: 'createConnection', listener: (connection: MongooseConnection) => void): unknown;
  };
}

/**
 * Mongoose's own collection, which stands before the driver's: calls that come before the
 * connection is open wait here, and are made again.
 */
interface Collection {
  readonly queue?: readonly unknown[];
}

interface Options {
  readonly session?: ClientSession | null;
  readonly upsert?: boolean;
  readonly includeResultMetadata?: boolean;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The collections' methods by which all writes of models go, and where their options are. */
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
   * What has hooks. They are not taken off, which would keep all connections that ever were; they
   * do nothing any more.
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
    const created = guarded((connection: MongooseConnection) => this.connection(connection));
    for (const connection of connections) this.connection(connection);
    events.on('createConnection', created);
    this.#ignore = () => events.removeListener('createConnection', created);
  }

  connection(connection: MongooseConnection): void {
    if (!this.#on || this.#seen.has(connection)) return;
    this.#seen.add(connection);
    const compiled = guarded((model: MongooseModel) => this.#model(model));
    const found = guarded((other: MongooseConnection) => this.connection(other));
    for (const model of Object.values(connection.models)) this.#model(model);
    connection.on('model', compiled);
    wrapMethod(connection as never, 'useDb', (original: Method): Method => {
      return function (this: unknown, ...args) {
        const other = original.apply(this, args);
        found(other as MongooseConnection);
        return other;
      };
    });
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
    const moved = guarded((connection: object) => {
      if (this.#seen.has(connection)) this.#model(model);
    });
    wrapMethod(model as never, 'useConnection', (original: Method): Method => {
      return function (this: unknown, connection, ...more) {
        const result = original.call(this, connection, ...more);
        moved(connection as object);
        return result;
      };
    });
  }

  #watch(collection: object, name: string, optionsAt: number): void {
    const isOn = (): boolean => this.#on;
    const observe = (self: unknown, original: Method, args: unknown[]): unknown => {
      return this.#observe(self as Collection, name, original, args, args[optionsAt] ?? {});
    };
    wrapMethod(collection as Record<string, unknown>, name, (original: Method): Method => {
      return function (this: unknown, ...args) {
        if (!isOn()) return original.apply(this, args);
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
      const result = original.apply(collection, args);
      queued = (collection.queue?.length ?? 0) > waiting;
      return result;
    };
    return observeCall(call, (outcome) => {
      if (queued || !this.#on) return;
      // Of what fails in a transaction, which that ends, nothing was written.
      if (outcome.failed && sink !== this.#recorder) return;
      const writes = outcome.failed
        ? writesOfError(outcome.error)
        : writesOf(name, outcome.result, options.includeResultMetadata === true);
      const model = modelsOf(collection).nameOf(args[0]);
      for (const write of WRITES) sink.wrote(write, model, writes[write]);
    });
  }
}

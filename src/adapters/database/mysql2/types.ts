/** The callback that mysql2 calls when a command has ended. */
export type Mysql2Callback = (error: unknown, result?: unknown, fields?: unknown) => void;

/**
 * A command, as `query` and `execute` return it: it emits rows and its end, and calls `onResult` if
 * it was given a callback.
 */
export interface Mysql2Command {
  emit(...args: never[]): unknown;
  onResult?: unknown;
  readonly sql?: unknown;
  /** The command's next step: null before it is sent, and after it has succeeded. */
  readonly next?: unknown;
}

/** The part of a connection that is used, as mysql2's callback API has it. */
export interface Mysql2Connection {
  query(...args: never[]): unknown;
  execute(...args: never[]): unknown;
  prepare(...args: never[]): unknown;
  once(...args: never[]): unknown;
}

/** The part of a pool that is used, as mysql2's callback API has it. */
export interface Mysql2Pool {
  getConnection(...args: never[]): unknown;
  end(...args: never[]): unknown;
  on(...args: never[]): unknown;
  removeListener(...args: never[]): unknown;
}

/** A connection of `mysql2/promise`. */
export interface Mysql2PromiseConnection {
  readonly connection: unknown;
  query(...args: never[]): unknown;
}

/** A pool of `mysql2/promise`. */
export interface Mysql2PromisePool {
  readonly pool: unknown;
  getConnection(...args: never[]): unknown;
}

/** The module `mysql2`, or `mysql2/promise`. */
export interface Mysql2Module {
  createPool(...args: never[]): unknown;
  createConnection(...args: never[]): unknown;
}

/** The objects of mysql2 that can be instrumented. */
export type Mysql2Target = Mysql2Pool | Mysql2Connection | Mysql2PromisePool | Mysql2PromiseConnection | Mysql2Module;

/** Internals of a connection that are read if they exist. */
export interface Mysql2Insides {
  readonly stream?: { once?(event: 'close', listener: () => void): unknown };
  /** Set once the server has sent its handshake. */
  readonly _handshakePacket?: unknown;
  readonly _fatalError?: unknown;
  /** Refuses commands once the connection is closed: then it stands in the place of `addCommand`. */
  readonly _addCommandClosedState?: unknown;
  readonly addCommand?: unknown;
  readonly _protocolError?: unknown;
  /** The current command: until the login is accepted, the handshake. */
  readonly _command?: { once?(event: 'error', listener: (error: unknown) => void): unknown } | null;
  /** The pool of a connection that has one. Its constructor sets it last. */
  readonly _pool?: object | null;
  /** Connections of a pool have it. */
  readonly release?: unknown;
}

/** Internals of a pool that are read: gauges stay at 0 without them. */
export interface Mysql2PoolInsides {
  readonly _allConnections?: Mysql2Queue;
  readonly _freeConnections?: Mysql2Queue;
  readonly _connectionQueue?: Mysql2Queue;
  readonly _closed?: boolean;
  readonly config?: { readonly connectionLimit?: number };
}

interface Mysql2Queue {
  readonly length: number;
  get?(index: number): unknown;
}

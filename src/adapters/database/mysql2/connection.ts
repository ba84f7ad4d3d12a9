import type { EventEmitter } from 'node:events';
import { DatabaseSession } from '../../../instrument/database/session.ts';
import { type DatabaseSeries, NO_ROWS } from '../../../instrument/database/series.ts';
import { attempt, guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { observeMethod } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import type { Statement } from '../../../instrument/sql/statement.ts';
import type { Mysql2Callback, Mysql2Command, Mysql2Connection, Mysql2Insides } from './types.ts';

/** The server has rolled the whole transaction back, not only the statement. */
const ER_LOCK_DEADLOCK = 1213;

type AnyMethod = (this: never, ...args: never[]) => unknown;
type Call = (this: unknown, ...args: unknown[]) => Mysql2Command;

/** Counts what one connection does. */
export class ConnectionHooks {
  readonly #session: DatabaseSession;
  readonly #connection: Mysql2Insides;
  /** Commands that end by events, and have not. */
  readonly #pending: Set<(error: unknown) => void> = new Set();
  /** True once the server has accepted the login: what fails before is no execution. */
  #connected: boolean;
  #on = true;

  /** @param pooled True if a pool tells of its opening and its failures. */
  constructor(series: DatabaseSeries, connection: Mysql2Connection, pooled: boolean, closed: () => void) {
    this.#session = new DatabaseSession(series);
    this.#connection = connection as Mysql2Insides;
    const { stream, _handshakePacket, _command } = this.#connection;
    this.#connected = pooled || Boolean(_handshakePacket);
    if (!this.#connected) {
      (connection as unknown as EventEmitter).once('connect', () => this.#connect(undefined));
      // It has a listener of its own, so that ours changes nothing; a listener on the connection
      // would swallow an error.
      _command?.once?.('error', (error) => this.#connect(error));
    }
    stream?.once?.('close', () => {
      this.#close();
      closed();
    });
  }

  /** Puts the hooks on. */
  hook(connection: Mysql2Connection): readonly (() => void)[] {
    return [
      ...(['query', 'execute'] as const).map((name) =>
        wrapMethod(connection, name, (original: AnyMethod) => this.#observed(original as never, undefined) as never),
      ),
      wrapMethod(connection, 'prepare', (original: AnyMethod) => this.#preparing(original as never) as never),
      ...(['changeUser', 'reset'] as const).map((name) =>
        observeMethod(connection, name, () => (error) => {
          if (!error) this.#session.reset();
        }),
      ),
      () => {
        this.#on = false;
      },
    ];
  }

  #connect(error: unknown): void {
    if (this.#connected || !this.#on) return;
    this.#connected = true;
    if (error) this.#session.series.connectionFailed(error);
    else this.#session.series.connected();
  }

  readonly #close: () => void = guarded(() => {
    const { _fatalError, _protocolError } = this.#connection;
    const error = _fatalError ?? _protocolError ?? 'closed';
    this.#connect(error);
    for (const end of this.#pending) end(error);
    this.#session.rolledBack();
  });

  /**
   * `query` or `execute`, with a callback or without: then rows, errors and the end are events of
   * the command that it returns.
   *
   * @param prepared The text of a statement that was prepared, whose `execute` it is.
   */
  #observed(original: Call, prepared: string | undefined): Call {
    const settled = this.#settled.bind(this);
    const follow = this.#follow.bind(this);
    const isOff = (): boolean => !this.#on;
    const session = this.#session;
    const refuses = (): boolean => {
      const { addCommand, _addCommandClosedState: refuse } = this.#connection;
      return refuse !== undefined && addCommand === refuse;
    };
    const call = (self: unknown, args: unknown[], isTold: () => boolean = () => false): Mysql2Command => {
      try {
        return Reflect.apply(original, self, args);
      } catch (error) {
        // It throws for parameters that it refuses; all other errors it tells.
        if (!isTold()) attempt(() => session.notSent('invalid'));
        throw error;
      }
    };
    return function (this: unknown, ...args) {
      if (isOff()) return Reflect.apply(original, this, args);
      const [first] = args;
      const sql = prepared ?? textOf(first);
      const start = performance.now();
      const at = lastFunction(args);
      // A pool makes the command first, and asks for a connection then.
      const made = at < 0 && isCommand(first) ? first : undefined;
      const given = at >= 0 ? args[at] : made?.onResult;
      if (typeof given !== 'function') {
        if (made) follow(made, sql, start);
        const isRefused = !made && refuses();
        const emitting = call(this, args);
        // Its error is an event of the connection, not of the command.
        if (isRefused) session.notSent('closed');
        else if (!made) follow(emitting, sql, start);
        return emitting;
      }
      // A callback can be called before the command is returned.
      let command: Mysql2Command | undefined = undefined;
      let isTold = false;
      const observed: Mysql2Callback = function (this: unknown, error, result, fields) {
        isTold = true;
        settled(sql, start, error, result, fields, command);
        return Reflect.apply(given, this, arguments) as undefined;
      };
      if (made) made.onResult = observed;
      else args[at] = observed;
      command = call(this, args, () => isTold);
      return command;
    };
  }

  /** A statement that was prepared is counted when it is executed, or if it can't be. */
  #preparing(original: Call): Call {
    const settled = (error: unknown, statement: unknown, sql: string, start: number): void => {
      if (error) this.#settled(sql, start, error, undefined, undefined, undefined);
      else this.#prepared(statement, sql);
    };
    return function (this: unknown, options, given, ...more) {
      if (typeof given !== 'function') return original.call(this, options, given, ...more);
      const start = performance.now();
      const observed = function (this: unknown, error: unknown, statement: unknown): unknown {
        settled(error, statement, textOf(options), start);
        return Reflect.apply(given, this, arguments);
      };
      return original.call(this, options, observed, ...more);
    };
  }

  /** mysql2 keeps statements, and hands the same one out again. */
  #prepared(statement: unknown, sql: string): void {
    if (typeof statement !== 'object' || statement === null || statements.has(statement)) return;
    statements.add(statement);
    const methods = statement as { execute?: unknown };
    wrapMethod(methods, 'execute', (original: AnyMethod) => this.#observed(original as never, sql) as never);
  }

  #settled(sql: string, start: number, error: unknown, result: unknown, fields: unknown, command: unknown): void {
    try {
      // A connection that could not be had is counted as such.
      if (error && !this.#connection._handshakePacket) return;
      if (error && !wasSent(error, command)) return this.#session.notSent('closed');
      const seconds = (performance.now() - start) / 1000;
      if (error) {
        const { _resultIndex: completed } = (command ?? {}) as { _resultIndex?: number };
        this.#session.failed(sql, seconds, error, completed);
        this.#afterError(error);
      } else {
        this.#session.executed(sql, seconds, rowsOf(result, fields));
      }
    } catch (failure) {
      hookFailed(failure);
    }
  }

  #afterError(error: unknown): void {
    if ((error as { errno?: unknown }).errno === ER_LOCK_DEADLOCK) this.#session.rolledBack();
  }

  /**
   * Sees a command's events pass. To listen for its errors would keep them from being thrown where
   * nobody else does.
   */
  #follow(command: Mysql2Command, sql: string, start: number): void {
    if (typeof command?.emit !== 'function') return;
    const session = this.#session;
    let statement: Statement | undefined;
    const begin = (): Statement => (statement ??= session.started(sql));
    let rows = NO_ROWS;
    let failed = false;
    const end = (error: unknown): void => {
      if (!this.#pending.delete(end)) return;
      restore();
      // A connection that could not be had is counted as such.
      if (error && !this.#connection._handshakePacket) return;
      if (error && statement === undefined && !wasSent(error, command)) return session.notSent('closed');
      session.ended(begin(), (performance.now() - start) / 1000, rows, error || undefined);
    };
    this.#pending.add(end);
    // What comes where there are no columns is no row, but what an INSERT is answered with.
    let hasColumns = false;
    const seen = guarded((name: string, first: unknown) => {
      if (name === 'fields') {
        begin();
        hasColumns = Array.isArray(first);
        if (hasColumns) rows = Math.max(rows, 0);
      } else if (name === 'result') {
        if (hasColumns) rows++;
      } else if (name === 'error' && !failed) {
        failed = true;
        end(first);
        this.#afterError(first);
      } else if (name === 'end') end(undefined);
    });
    const restore = wrapMethod(command as { emit?: unknown }, 'emit', (original: Call): Call => {
      return function (this: unknown, ...args) {
        seen(args[0] as string, args[1]);
        return Reflect.apply(original, this, args);
      };
    });
  }
}

/**
 * False for a command that waited behind others when the connection was lost, or came after it was
 * closed. A command that was sent stands at a step of the protocol when it fails.
 */
function wasSent(error: unknown, command: unknown): boolean {
  const { next } = (command ?? {}) as Mysql2Command;
  const isOfServer = typeof (error as { errno?: unknown }).errno === 'number' && 'sqlState' in (error as object);
  return isOfServer || (next !== null && (error as Error).message !== CLOSED);
}

const CLOSED = "Can't add new command when connection is in closed state";

const statements: WeakSet<object> = new WeakSet();

/** The position of the callback; -1 without one. */
function lastFunction(args: readonly unknown[]): number {
  let at = args.length - 1;
  while (at > 0 && typeof args[at] !== 'function') at--;
  return typeof args[at] === 'function' ? at : -1;
}

function isCommand(value: unknown): value is Mysql2Command {
  return typeof value === 'object' && value !== null && 'onResult' in value && 'emit' in value;
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text = (query as { sql?: unknown } | null | undefined)?.sql;
  return typeof text === 'string' ? text : '';
}

/**
 * Rows, a list of results where there are several statements, or what an INSERT is answered with.
 */
function rowsOf(result: unknown, fields: unknown): number {
  if (!Array.isArray(result) || !Array.isArray(fields)) return NO_ROWS;
  const several = fields.length > 0 && (fields[0] === undefined || Array.isArray(fields[0]));
  if (!several) return result.length;
  const counts = result.filter((each) => Array.isArray(each)).map((each: unknown[]) => each.length);
  return counts.length > 0 ? counts.reduce((sum, rows) => sum + rows) : NO_ROWS;
}

import { type DatabaseSeries, NO_ROWS } from '../../../instrument/database/series.ts';
import { DatabaseSession } from '../../../instrument/database/session.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { mayHoldSeveral, type Statement } from '../../../instrument/sql/statement.ts';

/** The part of a query of postgres.js that is used. It is lazy, and `handle` sends it. */
export interface PostgresQuery {
  handle(): unknown;
  resolve(result: unknown): unknown;
  reject(error: unknown): unknown;
  /** The text, once it is put together. */
  readonly string?: string;
  readonly strings?: readonly string[];
  readonly executed?: boolean;
  /** True while it is the one that its connection works on; those that wait in line are sent too. */
  readonly active?: boolean;
  readonly options?: { simple?: unknown };
  /** Its columns are known once it was described. */
  readonly statement?: { readonly columns?: unknown } | null;
  /** True for a statement that its connection has prepared before. */
  readonly prepared?: unknown;
  readonly cancelled?: unknown;
  readonly onlyDescribe?: boolean;
  /**
   * Which connection it was sent on; nothing before. The object stays when the connection is opened
   * again, with another pid.
   */
  readonly state?: Backend | null;
  /** What cancels queries of one `sql`, in transactions too: it tells whose a query is. */
  readonly canceller?: object | null;
  readonly cursorRows?: number;
  cursorFn?: (rows: unknown) => unknown;
}

interface Backend {
  readonly pid: number | null;
}

interface PostgresResult {
  readonly command?: string | null;
  readonly count?: number | null;
  readonly length: number;
  readonly columns?: readonly unknown[] | null;
}

/** A connection by its pid, with its session. */
interface Known {
  readonly pid: number | null;
  readonly session: DatabaseSession;
}

/** The queries of one `sql`. Connections are known by the queries that they have carried. */
export class PostgresQueries {
  readonly #series: DatabaseSeries;
  readonly #connections: WeakMap<Backend, Known> = new WeakMap();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** Follows a query that is about to be sent. */
  observe(query: PostgresQuery): void {
    const start = performance.now();
    if (query.cursorRows === undefined) {
      const { resolve, reject } = query;
      // Older versions resolve what they have rejected.
      let done = false;
      const answered = countAnswers(query);
      query.resolve = (result) => {
        done ||= this.#resolved(query, start, result);
        return resolve(result);
      };
      query.reject = (error) => {
        if (!done) this.#rejected(query, start, error, answered);
        done = true;
        return reject(error);
      };
    } else {
      this.#observeCursor(query, start);
    }
  }

  /** @returns whether that was the end. */
  #resolved(query: PostgresQuery, start: number, result: unknown): boolean {
    // A COPY brings its stream first, and its result at the end; a description is no execution.
    if (query.onlyDescribe === true || !Array.isArray(result)) return false;
    try {
      const text = textOf(query);
      const results = 'command' in result ? [result as PostgresResult] : (result as PostgresResult[]);
      const answers = results.map(({ command }) => command);
      this.#session(query)?.executed(text, secondsSince(start), rowsOf(results), answers);
    } catch (failure) {
      hookFailed(failure);
    }
    return true;
  }

  #rejected(query: PostgresQuery, start: number, error: unknown, answered: () => number): void {
    try {
      const session = this.#session(query);
      const type = notSent(query, error);
      if (type !== undefined) this.#series.failed(type);
      else if (session) session.failed(textOf(query), secondsSince(start), error, answered());
      else if (query.cancelled !== true) {
        // It was never sent: there was no connection.
        this.#series.connectionFailed(error);
      }
      if (isLost(error)) session?.rolledBack();
    } catch (failure) {
      hookFailed(failure);
    }
  }

  /**
   * A cursor exchanges its callbacks for each batch, so that they are watched where they are kept.
   * It counts with its first batch, so that one which is abandoned half-way counts as well.
   */
  #observeCursor(query: PostgresQuery, start: number): void {
    let verb: Statement | undefined;
    let rows = NO_ROWS;
    let done = false;
    const begin = (): Statement | undefined => (verb ??= this.#session(query)?.started(textOf(query)));
    const end = (error: unknown): void => {
      if (done) return;
      done = true;
      const session = this.#session(query);
      const type = error === undefined ? undefined : notSent(query, error);
      if (type !== undefined && verb === undefined) this.#series.failed(type);
      else if (session) session.ended(begin()!, secondsSince(start), rows, error);
      else if (error !== undefined) this.#series.connectionFailed(error);
    };
    watch(query, 'cursorFn', (batch) => {
      begin();
      rows = Math.max(rows, 0) + (Array.isArray(batch) ? batch.length : 0);
    });
    watch(query, 'resolve', () => end(undefined));
    watch(query, 'reject', (error) => end(error ?? 'unknown'));
  }

  /** The session of the connection that carried the query. */
  #session({ state }: PostgresQuery): DatabaseSession | undefined {
    if (!state) return undefined;
    let known = this.#connections.get(state);
    if (known === undefined || known.pid !== state.pid) {
      known?.session.rolledBack();
      known = { pid: state.pid, session: new DatabaseSession(this.#series) };
      this.#connections.set(state, known);
      this.#series.connected();
    }
    return known.session;
  }
}

/** Has a function that an object holds, now or later, tell what it is called with. */
function watch(query: PostgresQuery, name: 'cursorFn' | 'resolve' | 'reject', tell: (first: unknown) => void): void {
  let held = query[name];
  const told = function (this: unknown, ...args: unknown[]): unknown {
    try {
      tell(args[0]);
    } catch (failure) {
      hookFailed(failure);
    }
    return Reflect.apply(held as (...args: unknown[]) => unknown, this, args);
  };
  Object.defineProperty(query, name, {
    configurable: true,
    enumerable: true,
    get: () => (held === undefined ? undefined : told),
    set: (value: PostgresQuery[typeof name]) => {
      held = value;
    },
  });
}

function textOf({ string, strings }: PostgresQuery): string {
  return string ?? strings?.[0] ?? '';
}

function rowsOf(results: readonly PostgresResult[]): number {
  let rows = NO_ROWS;
  for (const { columns, count, length } of results) {
    if (columns && columns.length > 0) rows = Math.max(rows, 0) + (count ?? length);
  }
  return rows;
}

/**
 * Counts the statements of a text that were answered: one that is sent whole has its option `simple`
 * read once when it is sent, and once for each answer. Nothing else tells, when one of them fails.
 */
function countAnswers(query: PostgresQuery): () => number {
  const { options } = query;
  if (!options?.simple || !mayHoldSeveral(textOf(query))) return () => 0;
  let simple: unknown = options.simple;
  let reads = 0;
  Object.defineProperty(options, 'simple', {
    configurable: true,
    enumerable: true,
    get: () => {
      reads++;
      return simple;
    },
    set: (value: unknown) => {
      simple = value;
    },
  });
  return () => Math.max(0, reads - 1);
}

/** Why a query was never executed; undefined if it was, or had no connection. */
function notSent(query: PostgresQuery, error: unknown): 'closed' | 'invalid' | undefined {
  const { code: given } = (error ?? {}) as { code?: unknown };
  const code = typeof given === 'string' ? given : '';
  if (code === 'CONNECTION_ENDED' || (code === 'CONNECTION_DESTROYED' && !query.state)) return 'closed';
  if (REFUSED.has(code)) return 'invalid';
  if (!query.state) return undefined;
  // A connection executes one after the other: those that wait are lost with it.
  if (isLost(error)) return query.active === false ? 'closed' : undefined;
  if (code !== '' || (error as Error | null)?.name === 'PostgresError') return undefined;
  // What encodes a parameter has thrown, or what parses a row: then there are columns. There are
  // for a statement that is run again, too; only the stack tells then.
  if (!query.statement?.columns) return 'invalid';
  return query.prepared === true && ENCODING.test((error as Error | null)?.stack ?? '') ? 'invalid' : undefined;
}

/** The functions of postgres.js in which parameters are encoded. */
const ENCODING = /\bat (?:toBuffer|Bind)\b/;

/** Codes of postgres.js, and of Node when it encodes parameters, for what is not sent. */
const REFUSED: ReadonlySet<string> = new Set([
  'UNDEFINED_VALUE',
  'MAX_PARAMETERS_EXCEEDED',
  'COPY_IN_PROGRESS',
  'ERR_INVALID_ARG_TYPE',
  'ERR_OUT_OF_RANGE',
]);

/** True if the connection is gone. */
function isLost(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && (code.startsWith('CONNECTION_') || /^E[A-Z]+$/.test(code));
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

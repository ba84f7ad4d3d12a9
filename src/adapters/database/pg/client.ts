import type { Answers, DatabaseSession } from '../../../instrument/database/session.ts';
import { NO_ROWS } from '../../../instrument/database/series.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { mayHoldSeveral, type Statement } from '../../../instrument/sql/statement.ts';
import { before } from '../../../instrument/hooks/wrap.ts';
import type { PgCallback, PgClient, PgQuery, PgResult, PgSubmittable } from './types.ts';

/** Errors that carry no code, by their messages. */
const CODELESS: ReadonlyMap<string, string> = new Map([
  ['Connection terminated', 'closed'],
  ['Connection terminated unexpectedly', 'closed'],
  ['Client was closed and is not queryable', 'closed'],
  ['Client has encountered a connection error and is not queryable', 'closed'],
  ['Query read timeout', 'timeout'],
  ['timeout expired', 'timeout'],
  ['Connection terminated due to connection timeout', 'timeout'],
]);

/** Errors of a client that sends nothing any longer. */
const NOT_QUERYABLE: ReadonlySet<string> = new Set([
  'Client was closed and is not queryable',
  'Client has encountered a connection error and is not queryable',
]);

/** Queries that waited behind others when their connection was lost. */
const unsent: WeakSet<object> = new WeakSet();

/** Notes the queries of a client that it gives up before it has sent them. */
export function noteUnsent(client: PgClient): () => void {
  return before(client, '_errorAllQueries', () => {
    const { _queryQueue } = client as { _queryQueue?: readonly object[] };
    for (const query of _queryQueue ?? []) unsent.add(query);
  });
}

/** Why a query that failed was never sent; undefined if it was. */
function notSent(error: unknown, query: SentQuery | undefined): 'closed' | 'invalid' | undefined {
  const isCodeless = error instanceof Error && (error as { code?: unknown }).code === undefined;
  if (isCodeless && NOT_QUERYABLE.has(error.message)) return 'closed';
  if (query !== undefined && unsent.has(query)) return 'closed';
  // pg refuses parameters with errors that have no code. A type's parser may throw such a one too,
  // but there are columns then.
  const hasColumns = (query?._result?.fields?.length ?? 0) > 0;
  return isCodeless && !hasColumns && !CODELESS.has(error.message) ? 'invalid' : undefined;
}

/** Returns the label of an error that has no code, else the error. */
export function errorOf(error: unknown): unknown {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== undefined) return error;
  return CODELESS.get(error.message) ?? error;
}

type Connect = (this: unknown, ...args: unknown[]) => unknown;

/** `client.connect`, its outcome told. */
export function observedConnect(original: Connect, session: DatabaseSession): Connect {
  const failed = (error: unknown): void => session.series.connectionFailed(errorOf(error));
  return function (this: unknown, callback: unknown, ...more: unknown[]) {
    if (typeof callback === 'function') {
      const observed: PgCallback = function (this: unknown, error, ...rest) {
        if (error) failed(error);
        else session.series.connected();
        return Reflect.apply(callback, this, [error, ...rest]) as undefined;
      };
      return original.call(this, observed, ...more);
    }
    const result = original.call(this, callback, ...more) as PromiseLike<unknown> | undefined;
    return result?.then(
      (client) => {
        session.series.connected();
        return client;
      },
      (error: unknown) => {
        failed(error);
        throw error;
      },
    );
  };
}

type Query = (this: PgClient, query: PgQuery, values?: unknown, callback?: unknown) => unknown;

/**
 * `client.query`, whatever it is given: text or a configuration, with a callback or for a promise,
 * or something that takes part in the protocol itself (a query object, a cursor, a stream). What it
 * returns is what it was, or a promise that settles alike.
 */
export function observedQuery(original: Query, session: DatabaseSession): Query {
  return function (this: PgClient, query, values, callback) {
    if (typeof query === 'object' && typeof (query as PgSubmittable | null)?.submit === 'function') {
      observeSubmittable(query as PgSubmittable, session);
      return original.call(this, query, values, callback);
    }
    const given =
      callback || (typeof values === 'function' ? values : (query as { callback?: unknown } | null)?.callback);
    const sql = textOf(query);
    const start = performance.now();
    let several: SentQuery | undefined;
    if (typeof given === 'function') {
      const parameters = typeof values === 'function' ? undefined : values;
      const observed: PgCallback = function (this: unknown, error, result) {
        settled(session, sql, start, error, result, several);
        return Reflect.apply(given, this, arguments) as undefined;
      };
      const result = original.call(this, query, parameters, observed);
      several = sentLast(this);
      return result;
    }
    const promise = original.call(this, query, values, callback) as PromiseLike<PgResult> | undefined;
    if (typeof promise?.then !== 'function') return promise;
    several = sentLast(this);
    return promise.then(
      (result) => {
        settled(session, sql, start, undefined, result, several);
        return result;
      },
      (error: unknown) => {
        settled(session, sql, start, error ?? 'unknown', undefined, several);
        throw error;
      },
    );
  };
}

/** A configuration without a text runs a statement that was prepared under its name. */
function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text = (query as { text?: unknown } | null)?.text;
  return typeof text === 'string' ? text : '';
}

function settled(
  session: DatabaseSession,
  sql: string,
  start: number,
  error: unknown,
  result: PgResult | readonly PgResult[] | undefined,
  query: SentQuery | undefined,
): void {
  try {
    const never = error ? notSent(error, query) : undefined;
    if (never) return session.notSent(never);
    const seconds = (performance.now() - start) / 1000;
    if (error) session.failed(sql, seconds, errorOf(error), completedOf(sql, query));
    else session.executed(sql, seconds, rowsOf(result), answersOf(result));
  } catch (failure) {
    hookFailed(failure);
  }
}

function rowsOf(result: PgResult | readonly PgResult[] | undefined): number {
  if (Array.isArray(result)) {
    const counts = result.map(rowsOf).filter((rows) => rows !== NO_ROWS);
    return counts.length > 0 ? counts.reduce((sum, rows) => sum + rows) : NO_ROWS;
  }
  const { fields, rowCount, rows } = (result ?? {}) as PgResult;
  // Of a statement that was prepared there are fields whatever it is; one that returns none has no
  // field.
  return fields !== undefined && fields.length > 0 ? (rowCount ?? rows?.length ?? 0) : NO_ROWS;
}

function answersOf(result: PgResult | readonly PgResult[] | undefined): Answers | undefined {
  if (Array.isArray(result)) return (result as readonly PgResult[]).map(({ command }) => command);
  return (result as PgResult | undefined)?.command ?? undefined;
}

/** A query as pg queues it, with the results that it has so far. */
interface SentQuery {
  readonly _result?: PgResult;
  readonly _results?: PgResult | readonly PgResult[];
}

/**
 * The query that was handed over last: if it fails, nothing else tells whether it was sent, and how
 * many statements of its text went well. Undefined in versions that keep it elsewhere.
 */
function sentLast(client: PgClient): SentQuery | undefined {
  const { _queryQueue, _activeQuery } = client as { _queryQueue?: SentQuery[]; _activeQuery?: SentQuery };
  return _queryQueue?.at(-1) ?? _activeQuery;
}

function completedOf(sql: string, query: SentQuery | undefined): number {
  const results = query?._results;
  if (results === undefined || !mayHoldSeveral(sql)) return 0;
  return (Array.isArray(results) ? results : [results]).filter(({ command }: PgResult) => typeof command === 'string')
    .length;
}

/**
 * Follows what takes part in the protocol itself. It counts when it is sent, so that one which is
 * abandoned half-way counts as well.
 */
function observeSubmittable(query: PgSubmittable, session: DatabaseSession): void {
  try {
    const text = query.text ?? query.cursor?.text;
    const verb = session.started(typeof text === 'string' ? text : '');
    follow(query, session, verb, performance.now());
  } catch (error) {
    hookFailed(error);
  }
}

function follow(query: PgSubmittable, session: DatabaseSession, verb: Statement, start: number): void {
  let rows = NO_ROWS;
  let done = false;
  let command: string | undefined;
  const end = (error: unknown): void => {
    if (done) return;
    done = true;
    for (const restore of restores) restore();
    session.ended(verb, (performance.now() - start) / 1000, rows, error ? errorOf(error) : undefined, command);
  };
  const restores = [
    before(query, 'handleRowDescription', () => (rows = Math.max(rows, 0))),
    before(query, 'handleDataRow', () => rows++),
    before(query, 'handleCommandComplete', (message) => {
      command = /^\w+/.exec((message as { text?: string } | undefined)?.text ?? '')?.[0];
    }),
    before(query, 'handleReadyForQuery', () => end(undefined)),
    before(query, 'handleError', (error) => end(error ?? 'unknown')),
  ];
}

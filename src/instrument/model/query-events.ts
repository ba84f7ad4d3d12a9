import { listen, type Listeners } from '../hooks/listen.ts';
import type { Dialect } from '../sql/lexer.ts';
import type { ModelRecorder } from './recorder.ts';
import { reportedRows } from './reported-rows.ts';
import { SqlConnection } from './sql-connection.ts';

/** Emits `query`, `query-response` and `query-error` for each query, each with a {@link Query}. */
export interface QueryEvents {
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
}

type Listener = (...args: unknown[]) => void;

/** A query, as events describe it. */
export interface Query {
  readonly sql?: string | undefined;
  /** The driver's answer. */
  readonly response?: unknown;
  /** SQLite: number of changed rows. */
  readonly context?: { readonly changes?: number } | undefined;
}

/** Connections that are remembered. Pools are smaller; closed ones fall out in time. */
const KEPT_CONNECTIONS = 1000;

/** Options for `listenToQueries`. */
export interface QueryEventsOptions {
  /** The property of a query that identifies the connection that it uses. */
  readonly connectionKey: string;
  /** The dialect of the database. @default unknown */
  readonly dialect: Dialect | undefined;
}

/**
 * Counts the rows that queries write, from their events.
 *
 * @returns a function that stops listening.
 */
export function listenToQueries(
  source: QueryEvents,
  recorder: ModelRecorder,
  { connectionKey, dialect }: QueryEventsOptions,
): () => void {
  const connections = new Map<unknown, SqlConnection>();
  const connectionOf = (query: Query): SqlConnection => {
    const id = (query as Readonly<Record<string, unknown>>)[connectionKey] ?? '';
    let connection = connections.get(id);
    if (!connection) {
      connection = new SqlConnection(recorder, dialect);
      connections.set(id, connection);
      if (connections.size > KEPT_CONNECTIONS) connections.delete(connections.keys().next().value);
    }
    return connection;
  };
  const listeners: Listeners = {
    query: (query: unknown) => {
      const { sql = '' } = query as Query;
      connectionOf(query as Query).sent(sql);
    },
    'query-response': (_: unknown, query: unknown) => {
      const { sql = '', response, context } = query as Query;
      const rows = context?.changes ?? reportedRows(response);
      connectionOf(query as Query).succeeded(sql, rows, undefined, response);
    },
    'query-error': (error: unknown, query: unknown) => {
      const { sql = '' } = query as Query;
      connectionOf(query as Query).failed(sql, error);
    },
  };
  return listen(source, listeners);
}

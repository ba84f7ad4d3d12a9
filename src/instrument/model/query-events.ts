import { guarded } from '../hooks/guard.ts';
import type { ModelRecorder } from './recorder.ts';
import { reportedRows } from './reported-rows.ts';
import { SqlConnection } from './sql-connection.ts';

/** What is used of a Knex instance: its events. */
export interface KnexLike {
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
}

type Listener = (...args: unknown[]) => void;

/** What Knex tells of a query with each of its events. */
interface Query {
  /** Which connection it uses. */
  readonly __knexUid?: string | undefined;
  readonly sql?: string | undefined;
  /** What the driver has answered. */
  readonly response?: unknown;
  /** SQLite: how many rows changed. */
  readonly context?: { readonly changes?: number } | undefined;
}

/**
 * Connections of which something is kept. Pools have fewer; those that were closed are forgotten by
 * and by.
 */
const KEPT_CONNECTIONS = 1000;

/**
 * Counts what a Knex instance writes, from its events.
 *
 * @returns what ends it.
 */
export function listenToKnex(knex: KnexLike, recorder: ModelRecorder): () => void {
  const connections = new Map<string, SqlConnection>();
  const connectionOf = ({ __knexUid: id = '' }: Query): SqlConnection => {
    let connection = connections.get(id);
    if (!connection) {
      connection = new SqlConnection(recorder);
      connections.set(id, connection);
      if (connections.size > KEPT_CONNECTIONS) connections.delete(connections.keys().next().value!);
    }
    return connection;
  };
  const listeners: Record<string, Listener> = {
    query: guarded((query) => {
      const { sql = '' } = query as Query;
      connectionOf(query as Query).sent(sql);
    }),
    'query-response': guarded((_, query) => {
      const { sql = '', response, context } = query as Query;
      connectionOf(query as Query).succeeded(sql, context?.changes ?? reportedRows(response));
    }),
    'query-error': guarded((error, query) => {
      const { sql = '' } = query as Query;
      connectionOf(query as Query).failed(sql, error);
    }),
  };
  for (const [event, listener] of Object.entries(listeners)) knex.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) knex.removeListener(event, listener);
  };
}

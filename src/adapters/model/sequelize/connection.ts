import { guarded } from '../../../instrument/hooks/guard.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import { reportedRows } from '../../../instrument/model/reported-rows.ts';
import type { SqlConnection } from '../../../instrument/model/sql-connection.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** A connection of pg or mysql2 (callbacks), mariadb (promises) or sqlite3 (`run` and `all`). */
export type SequelizeConnection = Partial<Record<(typeof METHODS)[number], Method>>;

type Callback = (this: unknown, error: unknown, ...results: unknown[]) => unknown;

const METHODS = ['query', 'execute', 'run', 'all'] as const;

/** Counts the statements on a connection, while `state.on` is true. */
interface Watcher {
  readonly counts: SqlConnection;
  readonly state: { readonly on: boolean };
}

const watchers: WeakMap<SequelizeConnection, Watcher> = new WeakMap();

/** Counts the statements on a connection from now on. A no-op if it is watched already. */
export function watchSequelizeConnection(
  connection: SequelizeConnection,
  state: Watcher['state'],
  counter: () => SqlConnection,
): void {
  const watcher = watchers.get(connection);
  if (watcher?.state.on) return;
  watchers.set(connection, { counts: counter(), state });
  if (!watcher) for (const name of METHODS) wrapMethod(connection, name, watched);
}

function watched(method: Method): Method {
  return function (this: unknown, ...args) {
    const watcher = watchers.get(this as SequelizeConnection);
    const sql = textOf(args[0]);
    if (!watcher?.state.on || sql === undefined) return Reflect.apply(method, this, args);
    const { counts } = watcher;
    const sink = counts.sent(sql);
    const answered = guarded((result: unknown, changes: unknown) => {
      const created = findOrCreate(sql, result);
      if (created !== undefined) counts.succeeded(created, 1, sink);
      else counts.succeeded(sql, typeof changes === 'number' ? changes : rowsOf(result), sink, result);
    });
    const callback = args.at(-1) as Callback;
    if (typeof callback !== 'function') {
      return observeCall(
        () => Reflect.apply(method, this, args),
        (outcome) => {
          if (outcome.failed) counts.failed(sql, outcome.error);
          else answered(outcome.result, undefined);
        },
      );
    }
    const called: Callback = function (error, ...results) {
      if (error) counts.failed(sql, error);
      // sqlite3 tells them with what it calls back on, and only after `run`.
      else answered(results[0], (this as { readonly changes?: unknown } | undefined)?.changes);
      return callback.call(this, error, ...results);
    };
    return method.apply(this, [...args.slice(0, -1), called]);
  };
}

function textOf(query: unknown): string | undefined {
  const text = typeof query === 'string' ? query : (query as { readonly sql?: unknown } | undefined)?.sql;
  return typeof text === 'string' ? text : undefined;
}

/** Several statements give several answers, none of which is the total. */
function rowsOf(result: unknown): number | undefined {
  const several = Array.isArray(result) && typeof (result[0] as { affectedRows?: unknown })?.affectedRows === 'number';
  return several ? undefined : reportedRows(result);
}

const FIND_OR_CREATE = /^CREATE OR REPLACE FUNCTION pg_temp\.testfunc\([^]*? BEGIN (INSERT [^]*)/;

/**
 * On PostgreSQL, `findOrCreate` inserts in a function, which tells what went wrong in a row. Gives
 * the `insert`, if it has.
 */
function findOrCreate(sql: string, answer: unknown): string | undefined {
  if (!Array.isArray(answer)) return undefined;
  const insert = FIND_OR_CREATE.exec(sql)?.[1];
  const told = (answer as { rows?: { sequelize_caught_exception?: unknown }[] }[]).flatMap(({ rows }) => rows ?? []);
  return insert !== undefined && told[0]?.sequelize_caught_exception === null ? insert : undefined;
}

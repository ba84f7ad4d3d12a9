import { attach, type InstrumentOptions, type Instrumentation } from '../../../instrument/hooks/attach.ts';
import { DatabaseRecorder } from '../../../instrument/database/recorder.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { PostgresQueries, type PostgresQuery } from './query.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';

/** The part of `sql`, as postgres.js makes it, that is used. */
export interface PostgresSql {
  unsafe(...args: never[]): unknown;
}

/** Options for instrumenting postgres.js. */
export interface InstrumentPostgresOptions extends InstrumentOptions {
  /**
   * The label `db`: your name for the database. Give those of different databases different ones.
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/** The queries that are measured, by the object that cancels those of one `sql`. */
const instrumented: WeakMap<object, PostgresQueries> = new WeakMap();

/**
 * By the class of queries: how many `sql`s of its copy of postgres.js are measured, and the
 * function that takes its hook off.
 */
const hooks: WeakMap<object, { users: number; readonly restore: () => void }> = new WeakMap();

/**
 * Measures what postgres.js does by this `sql`: statements, rows, errors and transactions, in
 * `sql.begin` and on reserved connections too. Connections are counted when they have carried their
 * first query; how many there are at a moment postgres.js does not tell.
 *
 * Costs some two microseconds of processor time a query.
 *
 * @returns the target.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 *
 * @example
 * const sql = instrumentPostgres(postgres(process.env.DATABASE_URL), { db: 'default' });
 */
export function instrumentPostgres<T extends PostgresSql>(target: T, options: InstrumentPostgresOptions = {}): T {
  const { db = 'default' } = options;
  return attach(target, 'postgres', options, (instrumentation: Instrumentation) => {
    const queries = new PostgresQueries(DatabaseRecorder.of(instrumentation).database(db, 'postgresql'));
    // Queries are lazy: this one is never sent.
    const probe = (target as { unsafe(text: string): unknown }).unsafe('') as PostgresQuery;
    const owner = probe.canceller;
    const prototype = Object.getPrototypeOf(probe) as PostgresQuery;
    if (!owner || typeof prototype.handle !== 'function') return () => {};
    instrumented.set(owner, queries);
    const stop = hook(prototype);
    return () => {
      instrumented.delete(owner);
      stop();
    };
  });
}

/**
 * The class of queries is the only place by which all of them pass, and all copies of `sql` share
 * it.
 */
function hook(prototype: PostgresQuery): () => void {
  const known = hooks.get(prototype);
  const use = known ?? { users: 0, restore: wrapMethod(prototype, 'handle', observedHandle) };
  if (!known) hooks.set(prototype, use);
  use.users++;
  return () => {
    if (--use.users > 0) return;
    hooks.delete(prototype);
    use.restore();
  };
}

type Handle = (this: unknown) => unknown;

/** Called each time that somebody waits for the query; the first time sends it. */
function observedHandle(original: Handle): Handle {
  return function (this: unknown) {
    const query = this as PostgresQuery;
    if (query.executed !== true && query.canceller) {
      try {
        instrumented.get(query.canceller)?.observe(query);
      } catch (error) {
        hookFailed(error);
      }
    }
    return original.call(this);
  };
}

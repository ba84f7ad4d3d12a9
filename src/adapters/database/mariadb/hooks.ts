import type { EventEmitter } from 'node:events';
import type { PoolState } from '../../../instrument/database/pool.ts';
import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import { guarded } from '../../../instrument/hooks/guard.ts';
import { HookSet } from '../../../instrument/hooks/hook-set.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import { type End, observed, observeMethod } from '../../../instrument/hooks/observe.ts';
import { after, before, wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { countAnswers, type MariadbInfo } from './answers.ts';
import { textOf } from './calls.ts';
import { MariadbExecutions } from './executions.ts';
import { followStream } from './stream.ts';
import type { MariadbConnection, MariadbPool, MariadbStream } from './types.ts';

/** A call that waits for a connection of the pool. */
interface Waiting {
  readonly start: number;
  /** Its text; empty for a connection that is checked out. */
  readonly sql: string;
  /** When it got one. */
  acquired?: number;
  /** Ends the count of the answers to its text. */
  answered?: ((error: unknown) => number) | undefined;
}

/** Puts hooks on connections, and on pools and what they give out. */
export class MariadbHooks {
  readonly #series: DatabaseSeries;
  readonly #hooks: HookSet = new HookSet();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** Takes all hooks off. */
  remove(): void {
    this.#hooks.remove();
  }

  /** @param released Told when a connection goes back to its pool. */
  connection(connection: MariadbConnection, released?: () => void): void {
    const executions = new MariadbExecutions(this.#series);
    const { session } = executions;
    const infoOf = (): MariadbInfo | null => (connection as { info?: MariadbInfo | null }).info ?? null;
    const isOpen = (): boolean => (connection as { isValid?(): boolean }).isValid?.() !== false;
    const ended = (): void => {
      session.rolledBack();
      forget();
      released?.();
    };
    let begun = 0;
    const begin = (sql: string): Execution => {
      begun++;
      const start = performance.now();
      const answered = countAnswers(infoOf(), sql);
      return { executions, start: () => start, answered: (error) => answered?.(error) ?? 0, failed: () => false };
    };
    const forget = this.#hooks.put(connection, () => [
      ...statements(connection, begin),
      wrapMethod(connection, 'beginTransaction', (original) => {
        return beginTransaction(original, executions, () => begun);
      }),
      ...(['commit', 'rollback'] as const).map((name) =>
        observeMethod(connection, name, () => endOfTransaction(executions, name)),
      ),
      ...['changeUser', 'reset'].map((name) =>
        observeMethod(connection, name, () => (error) => {
          if (!error) session.reset();
        }),
      ),
      observeMethod(connection, 'prepare', (args) => preparing(executions, textOf(args[0]))),
      observeMethod(connection, 'connect', () => (error) => {
        if (error) this.#series.connectionFailed(causeOf(error));
        else this.#series.connected();
      }),
      observeMethod(connection, 'queryStream', (args) => (error, stream) => {
        // It takes any parameters; on a closed connection it may throw.
        if (error) session.notSent('closed');
        else followStream(stream as MariadbStream, executions, textOf(args[0]), isOpen);
      }),
      ...['release', 'end', 'close', 'destroy'].map((name) => before(connection, name, ended)),
    ]);
  }

  /** The pool's own calls are measured, and the connections that it gives out. */
  pool(pool: MariadbPool): void {
    const series = this.#series;
    const gauges = series.pool();
    const events = pool as unknown as EventEmitter;
    const queue: Waiting[] = [];
    const changed = guarded(() => gauges.changed());
    const connected = guarded(() => {
      series.connected();
      gauges.changed();
    });
    // The pool serves first who has waited longest.
    const acquired = guarded((connection?: { readonly info?: MariadbInfo | null }) => {
      gauges.changed();
      const next = queue.shift();
      if (next === undefined) return;
      next.acquired = performance.now();
      gauges.waited((next.acquired - next.start) / 1000);
      next.answered = countAnswers(connection?.info, next.sql);
    });
    const begin = (sql: string): { waiting: Waiting; failed(error: unknown): boolean } => {
      const waiting: Waiting = { start: performance.now(), sql };
      queue.push(waiting);
      gauges.changed();
      return {
        waiting,
        /** Returns true if there was no connection. */
        failed: (error) => {
          gauges.changed();
          const at = queue.indexOf(waiting);
          if (at >= 0) queue.splice(at, 1);
          if (!error || waiting.acquired !== undefined) return false;
          series.connectionFailed(causeOf(error));
          return true;
        },
      };
    };
    const ended = guarded(() => {
      hasEnded = true;
      gauges.changed();
      forget();
    });
    let hasEnded = false;
    const forget = this.#hooks.put(pool, () => {
      events.on('connection', connected);
      events.on('acquire', acquired);
      events.on('release', changed);
      events.on('enqueue', changed);
      gauges.watch(() => (hasEnded ? { used: pool.activeConnections(), idle: 0, pending: 0, max: 0 } : stateOf(pool)));
      return [
        ...statements(pool, (sql) => {
          const { waiting, failed } = begin(sql);
          return {
            // What a pool executes by itself is no part of a transaction but its own.
            executions: new MariadbExecutions(series),
            start: () => waiting.acquired ?? waiting.start,
            answered: (error) => waiting.answered?.(error) ?? 0,
            failed,
          };
        }),
        observeMethod(pool, 'getConnection', () => {
          const { failed } = begin('');
          return (error, connection) => {
            if (!failed(error) && connection) this.connection(connection as MariadbConnection, changed);
          };
        }),
        before(pool, 'end', ended),
        () => {
          events.removeListener('connection', connected);
          events.removeListener('acquire', acquired);
          events.removeListener('release', changed);
          events.removeListener('enqueue', changed);
          gauges.close();
        },
      ];
    });
  }
}

/** A call that is about to be made. */
interface Execution {
  readonly executions: MariadbExecutions;
  /** When it began: for a call of a pool, when it got its connection. */
  start(): number;
  /** Returns how many statements of its text were answered. */
  answered(error: unknown): number;
  /** True if it failed for want of a connection, which is no execution. */
  failed(error: unknown): boolean;
}

/** Hooks the methods that pools and connections have in common. */
function statements(target: MariadbPool | MariadbConnection, begin: (sql: string) => Execution): (() => void)[] {
  const single = (args: readonly unknown[]): End => {
    const sql = textOf(args[0]);
    const { executions, start, answered, failed } = begin(sql);
    const end = executions.end(sql, start, answered);
    return (error, result, meta) => {
      if (!failed(error)) end(error, result, meta);
    };
  };
  return [
    observeMethod(target, 'query', single),
    observeMethod(target, 'execute', single),
    observeMethod(target, 'batch', (args) => {
      const sql = textOf(args[0]);
      const { executions, start, failed } = begin(sql);
      return (error) => {
        if (failed(error)) return;
        const values = Array.isArray(args[1]) ? args[1] : (args[0] as { values?: unknown } | null)?.values;
        const sets = Array.isArray(values) ? values.length : 1;
        const seconds = (performance.now() - start()) / 1000;
        const count = (): void => executions.session.batched(sql, sets, seconds, error || undefined);
        if (error) executions.failed(error, count);
        else executions.succeeded(count);
      };
    }),
  ];
}

/**
 * Counts `beginTransaction()` of the promise API, which is no query; that of the callback API is
 * one, and counted as such.
 */
function beginTransaction(original: Method, executions: MariadbExecutions, begun: () => number): Method {
  let latest = { counted: false };
  const noted: Method = function (this: unknown, ...args) {
    const mark = begun();
    const result = Reflect.apply(original, this, args);
    latest.counted = begun() > mark;
    return result;
  };
  return observed(noted, () => {
    const own = (latest = { counted: false });
    const start = performance.now();
    const end = executions.end('START TRANSACTION', () => start);
    return (error, result, meta) => {
      if (!own.counted) end(error, result, meta);
    };
  });
}

/**
 * `commit()` and `rollback()` send nothing where no transaction is open; a promise of one that was
 * sent brings a result.
 */
function endOfTransaction(executions: MariadbExecutions, name: 'commit' | 'rollback'): End {
  const start = performance.now();
  const end = executions.end(name, () => start);
  const { inTransaction } = executions.session;
  return (error, result, meta) => {
    if (error || inTransaction || (result !== undefined && result !== null)) end(error, result, meta);
  };
}

/**
 * Statements that were prepared, and what takes the hooks off them: the driver hands the same one
 * out again.
 */
const prepared: WeakMap<object, () => void> = new WeakMap();

function preparing(executions: MariadbExecutions, sql: string): End {
  const begin = (): End => {
    const start = performance.now();
    return executions.end(sql, () => start);
  };
  const failed = begin();
  return (error, statement) => {
    if (error) return failed(error, undefined, undefined);
    if (typeof statement !== 'object' || statement === null) return;
    prepared.get(statement)?.();
    const restores = [
      observeMethod(statement, 'execute', begin),
      after(statement, 'executeStream', (stream) => followStream(stream as MariadbStream, executions, sql)),
    ];
    prepared.set(statement, () => {
      for (const restore of restores) restore();
    });
  };
}

/** A pool that gives up says why it had no connection, where it could not open one. */
function causeOf(error: unknown): unknown {
  let cause = error;
  for (let depth = 0; depth < 5; depth++) {
    const next = (cause as { cause?: unknown } | null)?.cause;
    if (typeof next !== 'object' || next === null) break;
    cause = next;
  }
  return (cause as { code?: unknown } | null)?.code === 'ER_GET_CONNECTION_TIMEOUT' ? 'timeout' : cause;
}

function stateOf(pool: MariadbPool): PoolState {
  // Nothing but this text tells the limit.
  const limit = /\blimit=(\d+)/.exec(pool.toString())?.[1];
  return {
    used: pool.activeConnections(),
    idle: pool.idleConnections(),
    pending: pool.taskQueueSize(),
    max: Number(limit ?? 0),
  };
}

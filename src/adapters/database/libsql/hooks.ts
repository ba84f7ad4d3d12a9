import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import { DatabaseSession } from '../../../instrument/database/session.ts';
import { Disposers } from '../../../instrument/hooks/disposers.ts';
import { attempt } from '../../../instrument/hooks/guard.ts';
import { observeCall, type Outcome } from '../../../instrument/hooks/observe.ts';
import { Within } from '../../../instrument/hooks/within.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { readStatement } from '../../../instrument/sql/statement.ts';
import { notSent, unsentFrom } from './errors.ts';
import { type LibsqlStatement, rowsOf, sqlOf } from './statements.ts';

/** How the calls of a client or a transaction are counted. */
interface Target {
  readonly session: DatabaseSession;
  /** True for a client, whose batches are transactions. */
  readonly isClient: boolean;
  /** True if arguments are checked one statement after the other, as each is executed. */
  readonly isFile: boolean;
}

type Done = (outcome: Outcome<unknown>) => void;
type Begin = (target: Target, first: unknown) => Done;

/** The transactions that are open on clients that are measured. */
const transactions: WeakMap<object, Target> = new WeakMap();

/** The classes of transactions that are hooked, with the number of clients that use them. */
const classes: WeakMap<object, { users: number; readonly hooks: Disposers }> = new WeakMap();

/** Puts hooks on a client, and on the class of the transactions that it begins. */
export class LibsqlHooks {
  readonly #series: DatabaseSeries;
  readonly #disposers: Disposers = new Disposers();
  readonly #known: WeakSet<object> = new WeakSet();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /**
   * Hooks a client.
   * @returns a function that takes the hooks off, also those of transactions that are open.
   */
  client(client: object): () => void {
    const isFile = (client as { protocol?: unknown }).protocol === 'file';
    const target: Target = { session: new DatabaseSession(this.#series), isClient: true, isFile };
    const began = (outcome: Outcome<unknown>): void => this.#began(outcome, isFile);
    this.#disposers.add(
      hookStatements(client, () => target),
      wrapMethod(client, 'transaction', (original) => {
        return function (this: unknown, ...args) {
          return observeCall(() => Reflect.apply(original, this, args), began);
        };
      }),
    );
    return this.#disposers.dispose;
  }

  #began(outcome: Outcome<unknown>, isFile: boolean): void {
    const session = new DatabaseSession(this.#series);
    settle(session, 'begin', outcome);
    if (outcome.failed) return;
    const transaction = outcome.result as object;
    transactions.set(transaction, { session, isClient: false, isFile });
    this.#use(Object.getPrototypeOf(transaction) as object);
  }

  /** Hooks a class once: to wrap each transaction would cost more than most of them take. */
  #use(prototype: object): void {
    if (this.#known.has(prototype)) return;
    this.#known.add(prototype);
    const known = classes.get(prototype) ?? { users: 0, hooks: hookTransactions(prototype) };
    classes.set(prototype, known);
    known.users++;
    this.#disposers.add(() => {
      if (--known.users > 0) return;
      classes.delete(prototype);
      known.hooks.dispose();
    });
  }
}

function hookTransactions(prototype: object): Disposers {
  const targetOf = (self: unknown): Target | undefined => transactions.get(self as object);
  const within = new Within();
  const hooks = new Disposers();
  hooks.add(hookStatements(prototype, targetOf));
  for (const end of ['commit', 'rollback'] as const) {
    hooks.add(
      hook(prototype, end, targetOf, within, ({ session }) => {
        const { inTransaction } = session;
        return (outcome) => {
          // Of a transaction that has ended, `rollback` does nothing.
          if (outcome.failed || inTransaction) settle(session, end, outcome);
        };
      }),
    );
  }
  // It rolls back what has not ended, and is called by everybody in the end.
  hooks.add(
    hook(
      prototype,
      'close',
      targetOf,
      within,
      ({ session }) =>
        () =>
          session.rolledBack(),
    ),
  );
  return hooks;
}

/** Over HTTP a transaction's `execute` is a batch of one: that is not counted again. */
function hookStatements(target: object, targetOf: (self: unknown) => Target | undefined): () => void {
  const within = new Within();
  const hooks = new Disposers();
  const single: Begin = ({ session }, statement) => {
    return (outcome) => settle(session, sqlOf(statement as LibsqlStatement), outcome);
  };
  const batch: Begin = (of, statements) => (outcome) => batched(of, statements as readonly LibsqlStatement[], outcome);
  for (const [name, begin] of [
    ['execute', single],
    ['executeMultiple', single],
    ['batch', batch],
    ['migrate', batch],
  ] as const) {
    hooks.add(hook(target, name, targetOf, within, begin));
  }
  return hooks.dispose;
}

function hook(
  object: object,
  name: string,
  targetOf: (self: unknown) => Target | undefined,
  within: Within,
  begin: Begin,
): () => void {
  return wrapMethod(object, name, (original) => {
    return function (this: unknown, ...args) {
      const target = within.active ? undefined : targetOf(this);
      const done = target && attempt(() => begin(target, args[0]));
      if (done === undefined) return Reflect.apply(original, this, args);
      return observeCall(() => within.run(() => Reflect.apply(original, this, args)), done);
    };
  });
}

/**
 * Counts a batch. Its statements are one transaction, unless it is within one: either all count, or
 * those up to the one that failed.
 */
function batched(
  { session, isClient, isFile }: Target,
  given: readonly LibsqlStatement[],
  outcome: Outcome<unknown>,
): void {
  const { series } = session;
  const verbs = given.map((each) => readStatement(sqlOf(each), 'sqlite'));
  const type = outcome.failed ? notSent(outcome.error) : undefined;
  const executed = outcome.failed ? verbs.slice(0, unsentFrom(given, outcome.error, type, isFile)) : verbs;
  for (const verb of executed) series.started(verb);
  if (executed.length > 0) {
    series.batched(executed.length);
    series.ended(verbs[0]!, outcome.seconds);
  }
  if (outcome.failed) series.failed(type ?? outcome.error);
  if (isClient && executed.length > 0) series.transaction(outcome.failed ? 'rolled_back' : 'committed');
}

function settle(session: DatabaseSession, sql: string, outcome: Outcome<unknown>): void {
  if (!outcome.failed) return session.executed(sql, outcome.seconds, rowsOf(outcome.result));
  const type = notSent(outcome.error);
  if (type === undefined) session.failed(sql, outcome.seconds, outcome.error);
  else session.notSent(type);
}

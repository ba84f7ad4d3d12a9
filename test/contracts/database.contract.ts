import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { Numbers } from '../support/http-numbers.ts';

/** How a database under this contract is opened. */
export interface OpenOptions {
  readonly registry: Registry;
  /** The alias. */
  readonly db: string;
  /** Whether it is instrumented; else it is as the library has it. */
  readonly instrumented: boolean;
  /** How many connections a pool may have. */
  readonly max: number;
  /** How long a pool lets wait, in ms; 0 for as long as it takes. */
  readonly waitMs: number;
  /** Who connects. @default somebody who may */
  readonly user?: string;
  /** Where to. @default where the server is */
  readonly port?: number;
}

/**
 * A database under this contract, with a table `devices` (id: integer, the primary key; name: text)
 * that is empty. All calls answer what the library answers, untouched; what is left out the library
 * does not have.
 */
export interface DatabaseSubject {
  insert(id: number, name: string): Promise<unknown>;
  /** The rows with ids up to this one. */
  select(upTo: number): Promise<unknown>;
  rename(id: number, name: string): Promise<unknown>;
  remove(id: number): Promise<unknown>;
  /** Changes the schema by one statement. */
  ddl(): Promise<unknown>;
  /** Fails in a way that has nothing to do with data. */
  nonsense(): Promise<unknown>;
  /** Runs a statement as it is. */
  run?(sql: string): Promise<unknown>;
  /** Selects a row by a statement that is prepared. */
  prepared?(id: number): Promise<unknown>;
  /** Inserts several rows by one statement. */
  insertAll?(rows: readonly (readonly [number, string])[]): Promise<unknown>;
  upsert?(id: number, name: string): Promise<unknown>;
  /** Executes an insert with several sets of parameters in one call. */
  batch?(rows: readonly (readonly [number, string])[]): Promise<unknown>;
  /**
   * Reads the rows with ids up to this one by a cursor, or a stream, and gives it up after so many.
   * @returns how many it read
   */
  cursor?(upTo: number, stopAfter: number): Promise<number>;
  /**
   * Makes the work a transaction on one connection, as the library's users do: it is taken back if
   * the work throws, and what it threw is thrown.
   */
  transaction?(work: (inside: TransactionSubject) => Promise<void>): Promise<void>;
  /** Takes a connection from the pool. @returns what gives it back */
  hold?(): Promise<() => unknown>;
  instrument(): void;
  uninstrument(): void;
  close(): Promise<unknown>;
}

/** What is done inside a transaction. */
export type TransactionSubject = Pick<DatabaseSubject, 'insert' | 'select'>;

/** What not every library has. */
export type Part = 'run' | 'prepared' | 'insertAll' | 'upsert' | 'batch' | 'cursor' | 'transaction' | 'hold';

/** How libraries differ where they may. */
export interface DatabaseTraits {
  readonly system: string;
  /** Labels of the errors: a primary key that is there already, and nonsense. */
  readonly errors: { readonly duplicate: string; readonly nonsense: string };
  /**
   * Whether there is a server, which can be out of reach. Labels of the errors when its port is
   * closed and when the user is unknown.
   */
  readonly server?: { readonly refused: string; readonly denied: string };
  /** The label of the error when a pool gives up. */
  readonly poolTimeout?: string;
  /**
   * What of an answer or an error is another with each database: names and numbers of its tables.
   */
  readonly varies?: RegExp;
  /** Parts that the library does not have; all others are tested. */
  readonly lacks: readonly Part[];
  /** Whether there is no server to test with. */
  readonly missing?: boolean;
}

/**
 * For numbers that come a moment later: a pool takes a connection back when its query has been
 * answered.
 */
const PATIENCE = { timeout: 10_000, interval: 10 };

/** What every adapter for a database has to do, against the real library and a real server. */
export function databaseContract(
  name: string,
  open: (options: OpenOptions) => Promise<DatabaseSubject>,
  traits: DatabaseTraits,
): void {
  const { system, errors, server, poolTimeout, varies, lacks, missing = false } = traits;
  const opened: DatabaseSubject[] = [];

  async function begin(
    options: Partial<OpenOptions> = {},
  ): Promise<{ database: DatabaseSubject; registry: Registry; numbers(): Promise<Numbers> }> {
    const registry = options.registry ?? new Registry();
    const database = await open({ db: 'default', instrumented: true, max: 4, waitMs: 0, ...options, registry });
    opened.push(database);
    return { database, registry, numbers: () => Numbers.of(registry) };
  }

  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
  });

  /** Executions by operation. */
  function executions(numbers: Numbers, db: string = 'default'): Record<string, number> {
    const series = numbers.series('db_client_executions', { db, system });
    return Object.fromEntries(series.map(({ labels, value }) => [labels['operation']!, value]));
  }

  /** `test` for a part that the library may lack. */
  const testOf = (part: Part): typeof test | (() => void) => (lacks.includes(part) ? () => {} : test);

  describe.skipIf(missing)(`${name}: database metrics`, () => {
    test('each operation is counted once, by what it does, with its duration and rows', async () => {
      const { database, numbers } = await begin();
      for (const id of [1, 2, 3]) await database.insert(id, `name ${id}`);
      await database.select(3);
      await database.select(2);
      await database.select(0);
      await database.rename(1, 'another');
      await database.remove(2);
      await database.ddl();
      const page = await numbers();
      const expected = { insert: 3, select: 3, update: 1, delete: 1, ddl: 1 };
      expect(executions(page)).toEqual(expected);
      for (const [operation, count] of Object.entries(expected)) {
        expect(page.count('db_client_operation_duration_seconds', { operation })).toBe(count);
        expect(page.sum('db_client_operation_duration_seconds', { operation })).toBeGreaterThan(0);
        expect(page.sum('db_client_operation_duration_seconds', { operation })).toBeLessThan(60);
      }
      expect(page.count('db_client_returned_rows', { operation: 'select' })).toBe(3);
      expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBe(5);
      expect(page.count('db_client_returned_rows', { operation: 'insert' })).toBe(0);
      expect(page.value('db_client_errors')).toBe(0);
      expect(page.labelValues('db_client_executions', 'system')).toEqual([system]);
    });

    test('an error is counted by its class, and is an execution with a duration', async () => {
      const { database, numbers } = await begin();
      await database.insert(1, 'one');
      await expect(database.insert(1, 'again')).rejects.toBeInstanceOf(Error);
      await expect(database.nonsense()).rejects.toBeInstanceOf(Error);
      const page = await numbers();
      expect(countsByType(page, 'db_client_errors')).toEqual({ [errors.duplicate]: 1, [errors.nonsense]: 1 });
      expect(executions(page)['insert']).toBe(2);
      expect(page.count('db_client_operation_duration_seconds')).toBe(3);
      expect(page.value('db_client_connection_errors')).toBe(0);
    });

    test('answers and errors are what they are without', async () => {
      const answers = await Promise.all(
        [true, false].map(async (instrumented) => {
          const { database } = await begin({ instrumented });
          return {
            insert: await shapeOf(() => database.insert(1, 'one')),
            select: await shapeOf(() => database.select(5)),
            duplicate: await shapeOf(() => database.insert(1, 'again')),
            nonsense: await shapeOf(() => database.nonsense()),
            rename: await shapeOf(() => database.rename(1, 'other')),
            none: await shapeOf(() => database.rename(7, 'other')),
            prepared: await shapeOf(() => database.prepared?.(1)),
            upsert: await shapeOf(() => database.upsert?.(1, 'again')),
            insertAll: await shapeOf(() =>
              database.insertAll?.([
                [11, 'a'],
                [12, 'b'],
              ]),
            ),
            batch: await shapeOf(() =>
              database.batch?.([
                [21, 'a'],
                [22, 'b'],
              ]),
            ),
            failedBatch: await shapeOf(() =>
              database.batch?.([
                [21, 'a'],
                [22, 'b'],
              ]),
            ),
            remove: await shapeOf(() => database.remove(1)),
            ddl: await shapeOf(() => database.ddl()),
          };
        }),
      );
      const [measured, plain] = answers.map((each) => JSON.stringify(each, undefined, 1).replace(varies ?? /$^/g, ''));
      expect(measured).toBe(plain);
      expect(answers[0]!.duplicate).toMatchObject({ threw: true });
    });

    test('whoever leaves a rejection alone hears of it, as without', async () => {
      const { database, numbers } = await begin();
      const seen: unknown[] = [];
      const note = (reason: unknown): void => void seen.push(reason);
      const others = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection');
      process.on('unhandledRejection', note);
      try {
        void database.nonsense();
        await vi.waitFor(() => expect(seen).toHaveLength(1), PATIENCE);
        // Both the promise that was handed out and one that was derived from it would be two.
        await sleep(20);
      } finally {
        process.removeListener('unhandledRejection', note);
        for (const other of others) process.on('unhandledRejection', other);
      }
      expect(seen).toEqual([expect.any(Error)]);
      expect((await numbers()).value('db_client_errors')).toBe(1);
    });

    testOf('prepared')('a prepared statement is counted when it is executed', async () => {
      const { database, numbers } = await begin();
      await database.insert(1, 'one');
      for (let i = 0; i < 3; i++) await database.prepared!(1);
      const page = await numbers();
      expect(executions(page)).toEqual({ insert: 1, select: 3 });
      expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBe(3);
    });

    testOf('insertAll')('one statement is one execution, however many rows it writes', async () => {
      const { database, numbers } = await begin();
      await database.insertAll!([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]);
      if (!lacks.includes('upsert')) for (const id of [1, 4]) await database.upsert!(id, 'again');
      const page = await numbers();
      expect(executions(page)).toEqual({ insert: lacks.includes('upsert') ? 1 : 3 });
      expect(page.value('db_client_batch_executions')).toBe(0);
    });

    testOf('batch')('a batch counts each set of parameters, in one call', async () => {
      const { database, numbers } = await begin();
      await database.batch!([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]);
      const page = await numbers();
      expect(executions(page)['insert']).toBe(3);
      expect(page.value('db_client_batch_executions')).toBe(3);
      expect(page.count('db_client_operation_duration_seconds', { operation: 'insert' })).toBe(1);
      await expect(
        database.batch!([
          [4, 'a'],
          [1, 'b'],
        ]),
      ).rejects.toBeInstanceOf(Error);
      expect((await numbers()).value('db_client_errors', { type: errors.duplicate })).toBe(1);
    });

    testOf('cursor')('a cursor is counted, with the rows that it delivered, also one that is given up', async () => {
      const { database, numbers } = await begin();
      await database.insertAll!(Array.from({ length: 250 }, (_, i) => [i + 1, `name ${i}`] as const));
      expect(await database.cursor!(250, Infinity)).toBe(250);
      await vi.waitFor(async () => {
        const page = await numbers();
        expect(executions(page)['select']).toBe(1);
        expect(page.count('db_client_operation_duration_seconds', { operation: 'select' })).toBe(1);
        expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBe(250);
      }, PATIENCE);
      const read = await database.cursor!(250, 10);
      expect(read).toBeLessThan(250);
      await vi.waitFor(async () => {
        const page = await numbers();
        expect(executions(page)['select']).toBe(2);
        expect(page.count('db_client_operation_duration_seconds', { operation: 'select' })).toBe(2);
        // What was on its way is counted too, as the library has read it.
        expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBeGreaterThanOrEqual(250 + read);
        expect(page.value('db_client_errors')).toBe(0);
      }, PATIENCE);
      // The connection is as good as before.
      await database.select(1);
    });

    testOf('transaction')('transactions are counted by what became of them', async () => {
      const { database, numbers } = await begin();
      const outcomes = async (): Promise<unknown> => {
        const page = await numbers();
        return ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));
      };
      await database.insert(100, 'outside');
      expect(await outcomes()).toEqual([0, 0]);
      await database.transaction!(async (inside) => {
        await inside.insert(1, 'one');
        await inside.select(1);
      });
      await vi.waitFor(async () => expect(await outcomes()).toEqual([1, 0]), PATIENCE);
      const reason = new Error('changed my mind');
      await expect(
        database.transaction!(async (inside) => {
          await inside.insert(2, 'two');
          throw reason;
        }),
      ).rejects.toBe(reason);
      await expect(
        database.transaction!((inside) => inside.insert(1, 'again') as Promise<void>),
      ).rejects.toBeInstanceOf(Error);
      await vi.waitFor(async () => expect(await outcomes()).toEqual([1, 2]), PATIENCE);
      const page = await numbers();
      expect(executions(page)).toMatchObject({ insert: 4, select: 1 });
      expect(page.value('db_client_errors', { type: errors.duplicate })).toBe(1);
    });

    test('much at once is counted exactly', async () => {
      const { database, numbers } = await begin();
      const calls = Array.from({ length: 200 }, (_, i) => {
        if (i % 4 === 0) return database.insert(i + 1, `name ${i}`);
        if (i % 4 === 1) return database.select(0);
        if (i % 4 === 2) return database.rename(100_000, 'nobody');
        return database.nonsense();
      });
      const settled = await Promise.allSettled(calls);
      expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(50);
      const page = await numbers();
      expect(executions(page)).toMatchObject({ insert: 50, select: expect.any(Number), update: 50 });
      expect(page.value('db_client_executions')).toBe(200);
      expect(page.count('db_client_operation_duration_seconds')).toBe(200);
      expect(page.value('db_client_errors', { type: errors.nonsense })).toBe(50);
    });

    test('instrumenting twice counts once, and undoing it ends it', async () => {
      const { database, numbers } = await begin();
      database.instrument();
      await database.insert(1, 'one');
      expect(executions(await numbers())).toEqual({ insert: 1 });
      database.uninstrument();
      await database.insert(2, 'two');
      const page = await numbers();
      expect(executions(page)).toEqual({ insert: 1 });
      expect(page.value('db_client_connections')).toBe(0);
      expect(page.value('db_client_connections_max')).toBe(0);
      database.instrument();
      await database.insert(3, 'three');
      expect(executions(await numbers())).toEqual({ insert: 2 });
    });

    test('databases with different aliases do not mix', async () => {
      const { database: one, registry, numbers } = await begin({ db: 'primary' });
      const { database: other } = await begin({ registry, db: 'replica' });
      await one.insert(1, 'one');
      await Promise.all([one.select(0), other.select(0), other.select(0)]);
      const page = await numbers();
      expect(executions(page, 'primary')).toEqual({ insert: 1, select: 1 });
      expect(executions(page, 'replica')).toEqual({ select: 2 });
    });

    test('no label holds what the application says, and texts leave no trace', async () => {
      const { database, registry, numbers } = await begin();
      const secret = 'hunter2';
      await database.insert(1, secret);
      await database.insert(1, secret).catch(() => {});
      await database.rename(1, `${secret} again`);
      if (!lacks.includes('run')) {
        for (let i = 0; i < 300; i++) await database.run!(`select ${i} as ${secret}_${i}`);
        await database.run!(`select * from ${secret}`).catch(() => {});
      }
      const { families } = await registry.snapshot();
      const labels = families.flatMap(({ series }) => series.flat());
      expect(labels.length).toBeGreaterThan(20);
      expect(labels.filter((label) => label.includes(secret))).toEqual([]);
      expect((await numbers()).series('db_client_executions').length).toBeLessThanOrEqual(7);
    });

    testOf('hold')('connections are counted, and shown as they are', async () => {
      const { database, numbers } = await begin({ max: 2 });
      await Promise.all(Array.from({ length: 10 }, () => database.select(0)));
      const created = (await numbers()).value('db_client_connections_created');
      expect(created).toBeGreaterThanOrEqual(1);
      expect(created).toBeLessThanOrEqual(2);
      const state = async (): Promise<unknown> => {
        const page = await numbers();
        return {
          used: page.value('db_client_connections', { state: 'used' }),
          pending: page.value('db_client_pending_requests'),
          max: page.value('db_client_connections_max'),
        };
      };
      const releases = [await database.hold!(), await database.hold!()];
      await vi.waitFor(async () => expect(await state()).toEqual({ used: 2, pending: 0, max: 2 }), PATIENCE);
      const waiting = [database.hold!(), database.hold!(), database.hold!()];
      await vi.waitFor(async () => expect(await state()).toEqual({ used: 2, pending: 3, max: 2 }), PATIENCE);
      await sleep(50);
      for (const release of releases) await release();
      for (const release of waiting) await (await release)();
      await vi.waitFor(async () => expect(await state()).toEqual({ used: 0, pending: 0, max: 2 }), PATIENCE);
      const page = await numbers();
      expect(page.value('db_client_connections', { state: 'idle' })).toBe(page.value('db_client_connections_created'));
      // Three of them waited for 50 ms.
      expect(page.sum('db_client_connection_wait_seconds')).toBeGreaterThan(0.1);
    });

    testOf('hold')('a pool that gives up is an error of the connection, and no execution', async () => {
      const { database, numbers } = await begin({ max: 1, waitMs: 200 });
      const release = await database.hold!();
      await expect(database.select(0)).rejects.toBeInstanceOf(Error);
      await release();
      const page = await numbers();
      expect(countsByType(page, 'db_client_connection_errors')).toEqual({ [poolTimeout!]: 1 });
      expect(page.value('db_client_executions')).toBe(0);
      expect(page.value('db_client_errors')).toBe(0);
      await database.select(0);
    });

    const kinds = server ? (['refused', 'denied'] as const) : [];
    test.each(kinds)('a connection that is %s is counted by its class', async (kind) => {
      const wrong = kind === 'refused' ? { port: 1 } : { user: 'nobody_we_know' };
      const { database, numbers } = await begin({ ...wrong, waitMs: 300 });
      await expect(database.select(0)).rejects.toBeInstanceOf(Error);
      const page = await numbers();
      expect(page.labelValues('db_client_connection_errors', 'type')).toEqual([server![kind]]);
      expect(page.value('db_client_connection_errors')).toBeGreaterThanOrEqual(1);
      expect(page.value('db_client_connections_created')).toBe(0);
      expect(page.value('db_client_executions')).toBe(0);
      expect(page.value('db_client_connections')).toBe(0);
    });
  });
}

/** A counter's numbers by its label `type`. */
function countsByType(page: Numbers, family: string): Record<string, number> {
  return Object.fromEntries(page.series(family).map(({ labels, value }) => [labels['type']!, value]));
}

/** How an answer looks: its class, its prototype's, its fields, and what it holds. */
async function shapeOf(call: () => Promise<unknown> | undefined): Promise<unknown> {
  try {
    const answer = await call();
    return { threw: false, ...described(answer) };
  } catch (error) {
    return { threw: true, ...described(error), message: (error as Error).message };
  }
}

function described(value: unknown): { className: string; keys: string[]; text: string } {
  const object = Object(value) as object;
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  return { className: object.constructor?.name ?? '', keys: Reflect.ownKeys(object).map(String).sort(), text };
}

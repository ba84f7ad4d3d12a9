import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { Numbers } from '../support/http-numbers.ts';
import { ROOT } from '../support/modules.ts';
import { unhandledRejection } from '../support/unhandled-rejection.ts';
import { randomWrites } from './model.random.ts';

/** What is done through the library that is instrumented. Each returns what the library returns. */
export interface ModelOperations {
  /** Rejects where the name is taken, as all do that insert. */
  insert(name: string): Promise<unknown>;
  /** In one call of the library, which inserts all or none. */
  insertMany(names: readonly string[]): Promise<unknown>;
  /**
   * Finds the row by its name, in the way that is usual for one; nothing is wrong where there is
   * none.
   */
  update(name: string, score: number): Promise<unknown>;
  /** In one call, without loading the rows, as far as the library can. */
  updateMany(names: readonly string[], score: number): Promise<unknown>;
  delete(name: string): Promise<unknown>;
  deleteMany(names: readonly string[]): Promise<unknown>;
  /** In one call. Left out where the library has none. */
  upsert?(name: string, score: number): Promise<unknown>;
  /** An author with books, in one call. Left out where the library has none. */
  insertNested?(name: string, titles: readonly string[]): Promise<unknown>;
  /**
   * An author with all books, where the library deletes those, and not the database. Left out where
   * it does not.
   */
  deleteCascading?(name: string): Promise<unknown>;
  /** Inserts into `archive.author`. Left out where the library knows no schemas. */
  insertArchived?(name: string): Promise<unknown>;
  /** One statement of SQL, without bindings. Left out where the library has no SQL. */
  raw?(sql: string): Promise<unknown>;
  /**
   * Begins a transaction (within one, a savepoint, where the library has them), which is rolled
   * back where `work` rejects. Left out where there are none.
   */
  transaction?(work: (inside: ModelOperations) => Promise<void>): Promise<unknown>;
}

/**
 * A library under this contract, connected to tables as `test/support/model-tables.ts` makes them,
 * which are empty.
 */
export interface ModelSubject extends ModelOperations {
  /** Instruments what is instrumented already. */
  instrumentAgain(): void;
  uninstrument(): void;
  /** What the database itself knows of all that was committed, as `{ 'author insert': 3 }`. */
  truth(): Promise<Tally>;
  close(): Promise<void>;
}

/** How a subject is to be made. */
export interface ModelSubjectOptions {
  readonly registry: Registry;
  /** To be handed to the adapter. */
  readonly enabled: boolean;
}

/** Rows by what was done to them: `{ 'author insert': 3 }`. */
export type Tally = Readonly<Record<string, number>>;

/** What some libraries can't tell. */
export type Ability =
  | 'updateMany'
  | 'deleteMany'
  | 'upsert'
  | 'insertNested'
  | 'deleteCascading'
  | 'raw'
  | 'rollback'
  | 'savepoint'
  | 'abort';

/** What comes instead of the right numbers, and the line on the adapter's page that says so. */
export interface Shortfall {
  readonly says: string;
  /**
   * What is counted in the contract's test of that ability; for rollbacks, what is told as rolled
   * back.
   */
  readonly counts: Tally;
}

/** How libraries differ where they may. */
export interface ModelTraits {
  /** The labels of the three tables. */
  readonly labels: { readonly author: string; readonly book: string; readonly archived?: string };
  /** The models have their series from the start. */
  readonly declares: boolean;
  /** The adapter's page: docs/adapters/model/<page>.md. */
  readonly page: string;
  /** What the library has of what not all have. */
  readonly has: readonly Optional[];
  readonly cannot: Partial<Record<Ability, Shortfall>>;
  /**
   * How many random operations there are; fewer for a second database under the same adapter.
   * @default 10000
   */
  readonly operations?: number;
  /** How many write at once in them. @default 3 */
  readonly writers?: number;
}

/** The operations that not all libraries have. */
export type Optional =
  | 'upsert'
  | 'insertNested'
  | 'deleteCascading'
  | 'insertArchived'
  | 'raw'
  | 'transaction'
  | 'savepoint';

/**
 * What every adapter for models has to do, against the real library and a real database.
 *
 * @param start Makes a subject on empty tables.
 */
export function modelContract(
  name: string,
  start: (options: ModelSubjectOptions) => Promise<ModelSubject>,
  traits: ModelTraits,
): void {
  const running: ModelSubject[] = [];
  const can = Object.fromEntries(traits.has.map((one) => [one, true])) as Partial<Record<Optional, true>>;

  async function begin(enabled: boolean = true): Promise<{ subject: ModelSubject; counts: Counts }> {
    const registry = new Registry();
    const subject = await start({ registry, enabled });
    running.push(subject);
    const optional = ['upsert', 'insertNested', 'deleteCascading', 'insertArchived', 'raw', 'transaction'] as const;
    expect(optional.filter((one) => subject[one])).toEqual(optional.filter((one) => can[one]));
    return { subject, counts: new Counts(registry, traits) };
  }

  /** What the test of an ability has to find. */
  const expected = (ability: Ability, right: Tally): Tally => traits.cannot[ability]?.counts ?? right;

  afterEach(async () => {
    for (const subject of running.splice(0)) await subject.close();
  });

  describe(`${name}: model metrics`, () => {
    test('one row at a time', async () => {
      const { subject, counts } = await begin();
      await subject.insert('ada');
      await subject.insert('bob');
      await subject.insert('cyd');
      await subject.update('ada', 1);
      await subject.update('bob', 2);
      await subject.delete('cyd');
      expect(await counts.written()).toEqual({ 'author insert': 3, 'author update': 2, 'author delete': 1 });
      expect(await counts.rolledBack()).toEqual({});
      expect(await subject.truth()).toEqual(await counts.written());
    });

    test('rows of bulk operations, not statements', async () => {
      const { subject, counts } = await begin();
      await subject.insertMany(['ada', 'bob', 'cyd', 'dan', 'eve']);
      expect(await counts.written()).toEqual({ 'author insert': 5 });
      await subject.updateMany(['ada', 'bob', 'cyd', 'nobody'], 7);
      const updates = expected('updateMany', { 'author update': 3 });
      expect(await counts.written()).toEqual({ 'author insert': 5, ...updates });
      await subject.deleteMany(['ada', 'bob', 'nobody']);
      const deletes = expected('deleteMany', { 'author delete': 2 });
      expect(await counts.written()).toEqual({ 'author insert': 5, ...updates, ...deletes });
    });

    test('nothing for statements that change nothing', async () => {
      const { subject, counts } = await begin();
      await subject.update('nobody', 1);
      await subject.delete('nobody');
      if (!traits.cannot.updateMany) await subject.updateMany(['nobody'], 1);
      if (!traits.cannot.deleteMany) await subject.deleteMany(['nobody']);
      expect(await counts.written()).toEqual({});
    });

    test('nothing for statements that fail', async () => {
      const { subject, counts } = await begin();
      await subject.insert('ada');
      expect(await rejection(subject.insert('ada'))).toBeInstanceOf(Error);
      expect(await rejection(subject.insertMany(['bob', 'ada', 'cyd']))).toBeInstanceOf(Error);
      expect(await counts.written()).toEqual({ 'author insert': 1 });
      expect(await counts.rolledBack()).toEqual({});
      await subject.insert('bob');
      expect(await counts.written()).toEqual({ 'author insert': 2 });
    });

    if (can.upsert) {
      test('upserts', async () => {
        const { subject, counts } = await begin();
        await subject.upsert!('ada', 1);
        await subject.upsert!('ada', 2);
        await subject.upsert!('bob', 1);
        expect(await counts.written()).toEqual(expected('upsert', { 'author insert': 2, 'author update': 1 }));
      });
    }

    if (can.insertNested) {
      test('nested writes', async () => {
        const { subject, counts } = await begin();
        await subject.insertNested!('ada', ['notes', 'letters', 'sketches']);
        expect(await counts.written()).toEqual(expected('insertNested', { 'author insert': 1, 'book insert': 3 }));
        expect(await rejection(subject.insertNested!('ada', ['notes']))).toBeInstanceOf(Error);
        expect(await counts.committed()).toEqual(expected('insertNested', { 'author insert': 1, 'book insert': 3 }));
      });
    }

    if (can.insertNested && can.deleteCascading) {
      test('cascades that the library performs', async () => {
        const { subject, counts } = await begin();
        await subject.insertNested!('ada', ['notes', 'letters']);
        const before = await counts.written();
        await subject.deleteCascading!('ada');
        expect(await counts.written()).toEqual({
          ...before,
          ...expected('deleteCascading', { 'author delete': 1, 'book delete': 2 }),
        });
      });
    }

    if (can.insertArchived) {
      test('models of the same name in two schemas are told apart', async () => {
        const { subject, counts } = await begin();
        await subject.insert('ada');
        await subject.insertArchived!('ada');
        await subject.insertArchived!('bob');
        expect(await counts.written()).toEqual({ 'author insert': 1, 'archived insert': 2 });
      });
    }

    if (can.raw) {
      test('SQL written by hand', async () => {
        const { subject, counts } = await begin();
        await subject.raw!("insert into author (name) values ('ada'), ('bob')");
        await subject.raw!("update author set score = 1 where name = 'ada'");
        await subject.raw!("delete from author where name = 'bob'");
        await subject.raw!('select name from author');
        expect(await rejection(subject.raw!("insert into author (name) values ('ada')"))).toBeInstanceOf(Error);
        expect(await rejection(subject.raw!('no such thing'))).toBeInstanceOf(Error);
        const right = { 'author insert': 2, 'author update': 1, 'author delete': 1 };
        expect(await counts.written()).toEqual(expected('raw', right));
        expect(await subject.truth()).toEqual(right);
      });
    }

    if (can.transaction) {
      test('a transaction that is committed', async () => {
        const { subject, counts } = await begin();
        await subject.transaction!(async (inside) => {
          await inside.insert('ada');
          await inside.insertMany(['bob', 'cyd']);
          await inside.update('ada', 1);
        });
        expect(await counts.written()).toEqual({ 'author insert': 3, 'author update': 1 });
        expect(await counts.rolledBack()).toEqual({});
        expect(await subject.truth()).toEqual(await counts.written());
      });

      test('a transaction that is rolled back, by the application or by an error', async () => {
        const { subject, counts } = await begin();
        await subject.insert('ada');
        const thrown = new Error('changed my mind');
        const work = async (inside: ModelOperations): Promise<void> => {
          await inside.insertMany(['bob', 'cyd']);
          await inside.update('ada', 1);
          await inside.delete('bob');
          throw thrown;
        };
        expect(await rejection(subject.transaction!(work))).toBe(thrown);
        const failed = subject.transaction!(async (inside) => {
          await inside.insert('dan');
          await inside.insert('ada');
        });
        expect(await rejection(failed)).toBeInstanceOf(Error);
        const right = { 'author insert': 3, 'author update': 1, 'author delete': 1 };
        expect(await counts.rolledBack()).toEqual(expected('rollback', right));
        expect(await counts.written()).toEqual({ 'author insert': 4, 'author update': 1, 'author delete': 1 });
        expect(await subject.truth()).toEqual({ 'author insert': 1 });
        await subject.insert('bob');
        expect(await counts.rolledBack()).toEqual(expected('rollback', right));
      });
    }

    if (can.savepoint) {
      test('a savepoint that is rolled back alone, and one that is released into what is rolled back', async () => {
        const { subject, counts } = await begin();
        await subject.transaction!(async (outer) => {
          await outer.insert('ada');
          const inner = outer.transaction?.(async (inside) => {
            await inside.insertMany(['bob', 'cyd']);
            throw new Error('changed my mind');
          });
          await inner?.catch(() => {});
          await outer.insert('dan');
        });
        const released = subject.transaction!(async (outer) => {
          await outer.transaction?.(async (inside) => {
            await inside.insert('eve');
          });
          throw new Error('changed my mind');
        });
        await released.catch(() => {});
        const right = { 'author insert': 3 };
        expect(await counts.rolledBack()).toEqual(
          traits.cannot.rollback ? traits.cannot.rollback.counts : expected('savepoint', right),
        );
      });
    }

    if (can.transaction) {
      test('a transaction that goes on after an error, which PostgreSQL then rolls back though it is told to commit', async () => {
        const { subject, counts } = await begin();
        await subject.insert('ada');
        const swallowing = subject.transaction!(async (inside) => {
          await inside.insert('bob');
          await inside.insert('ada').catch(() => {});
        });
        await swallowing.catch(() => {});
        const truth = await subject.truth();
        expect(await counts.committed()).toEqual(expected('abort', truth));
      });
    }

    test('many at once, in transactions and out of them', async () => {
      const { subject, counts } = await begin();
      const names = Array.from({ length: 30 }, (_, i) => `author ${i}`);
      await Promise.all(
        names.map(async (own, i) => {
          if (i % 3 > 0 || !can.transaction) return subject.insert(own);
          const work = async (inside: ModelOperations): Promise<void> => {
            await inside.insert(own);
            await inside.insert(`${own} again`);
            if (i % 2 > 0) throw new Error('changed my mind');
          };
          return subject.transaction!(work).catch(() => {});
        }),
      );
      expect(await counts.written()).toEqual({ 'author insert': can.transaction ? 40 : 30 });
      if (can.transaction) expect(await counts.rolledBack()).toEqual(expectedIf(!traits.cannot.rollback, 10));
    });

    test('results and errors are the same without', async () => {
      const seen: unknown[][] = [];
      for (const enabled of [true, false]) {
        const { subject } = await begin(enabled);
        seen.push(await results(subject));
        await running.pop()?.close();
      }
      expect(seen[0]).toStrictEqual(seen[1]);
      expect(seen[0]!.length).toBeGreaterThanOrEqual(9);
    });

    test("a rejection that nobody handles is still the process's", async () => {
      const { subject, counts } = await begin();
      await subject.insert('ada');
      const reason = await unhandledRejection(() => void Promise.resolve(subject.insert('ada')));
      expect(reason).toBeInstanceOf(Error);
      expect(await counts.written()).toEqual({ 'author insert': 1 });
    });

    test('instrumented twice counts once; undone, nothing more', async () => {
      const { subject, counts } = await begin();
      subject.instrumentAgain();
      await subject.insert('ada');
      expect(await counts.written()).toEqual({ 'author insert': 1 });
      subject.uninstrument();
      await subject.insert('bob');
      await subject.transaction?.(async (inside) => {
        await inside.insert('cyd');
      });
      expect(await counts.written()).toEqual({ 'author insert': 1 });
      subject.instrumentAgain();
      await subject.insert('dan');
      expect(await counts.written()).toEqual({ 'author insert': 2 });
    });

    test('models show before they are written to, where the library knows them', async () => {
      const { counts } = await begin();
      const shown = await counts.shown();
      if (traits.declares) expect(shown).toEqual(expect.arrayContaining([traits.labels.author, traits.labels.book]));
      else expect(shown).toEqual([]);
    });

    test('nothing is defined where metrics are off', async () => {
      const registry = new Registry();
      const subject = await start({ registry, enabled: false });
      running.push(subject);
      await subject.insert('ada');
      expect((await registry.snapshot()).families.map(({ definition }) => definition.name)).not.toContain(
        'model_inserts',
      );
    });

    const operations = traits.operations ?? 10_000;
    test(`${operations} random operations give what the database itself has noted`, async () => {
      const { subject, counts } = await begin();
      const done = await randomWrites(subject, {
        upsert: can.upsert === true && !traits.cannot.upsert,
        insertNested: can.insertNested === true && !traits.cannot.insertNested,
        updateMany: !traits.cannot.updateMany,
        deleteMany: !traits.cannot.deleteMany,
        rollback: can.transaction === true && !traits.cannot.rollback,
        operations,
        writers: traits.writers ?? 3,
      });
      expect(done.operations).toBeGreaterThanOrEqual(operations);
      expect(done.refused).toBeGreaterThan(operations / 50);
      const truth = await subject.truth();
      expect(await counts.committed()).toEqual(truth);
      expect(truth['author insert']).toBeGreaterThan(operations / 10);
      if (can.transaction && !traits.cannot.rollback) {
        expect((await counts.rolledBack())['author insert']).toBeGreaterThan(operations / 100);
      }
    }, 300_000);

    test('the page says in one line what is not told', () => {
      const lines = readFileSync(join(ROOT, 'docs/adapters/model', `${traits.page}.md`), 'utf8').split('\n');
      for (const { says } of Object.values(traits.cannot)) {
        expect(lines.filter((line) => line.includes(says))).toHaveLength(1);
      }
    });
  });
}

/** What a registry has counted, under the contract's names. */
class Counts {
  readonly #registry: Registry;
  readonly #names: ReadonlyMap<string, string>;

  constructor(registry: Registry, { labels }: ModelTraits) {
    this.#registry = registry;
    this.#names = new Map(Object.entries(labels).map(([own, label]) => [label, own]));
  }

  async written(): Promise<Tally> {
    const numbers = await Numbers.of(this.#registry);
    const tally: Record<string, number> = {};
    for (const write of ['insert', 'update', 'delete']) {
      for (const { labels, value } of numbers.series(`model_${write}s`)) {
        if (value > 0) tally[`${this.#nameOf(labels['model']!)} ${write}`] = value;
      }
    }
    return tally;
  }

  async rolledBack(): Promise<Tally> {
    const numbers = await Numbers.of(this.#registry);
    return Object.fromEntries(
      numbers
        .series('model_rolled_back_operations')
        .map(({ labels, value }) => [`${this.#nameOf(labels['model']!)} ${labels['operation']}`, value]),
    );
  }

  /** What was written and not taken back. */
  async committed(): Promise<Tally> {
    const tally: Record<string, number> = { ...(await this.written()) };
    for (const [key, rows] of Object.entries(await this.rolledBack())) {
      tally[key] = (tally[key] ?? 0) - rows;
      if (tally[key] === 0) delete tally[key];
    }
    return tally;
  }

  async shown(): Promise<string[]> {
    return (await Numbers.of(this.#registry)).labelValues('model_inserts', 'model');
  }

  #nameOf(label: string): string {
    return this.#names.get(label) ?? `unknown label ${label}`;
  }
}

/** What each operation gives, for comparison. */
async function results(subject: ModelSubject): Promise<unknown[]> {
  const calls: (() => Promise<unknown> | undefined)[] = [
    () => subject.insert('ada'),
    () => subject.insertMany(['bob', 'cyd', 'dan']),
    () => subject.update('ada', 3),
    () => subject.updateMany(['ada', 'bob', 'nobody'], 4),
    () => subject.delete('nobody'),
    () => subject.delete('cyd'),
    () => subject.insert('ada'),
    () => subject.upsert?.('ada', 5),
    () => subject.insertNested?.('eve', ['notes', 'letters']),
    () => subject.raw?.('select name, score from author order by id'),
    () => subject.raw?.('no such thing'),
    () => subject.transaction?.(async (inside) => void (await inside.insert('fay'))),
    () => subject.transaction?.(async (inside) => void (await inside.insert('ada'))),
    () => subject.deleteMany(['ada', 'bob', 'nobody']),
  ];
  const seen: unknown[] = [];
  for (const call of calls) {
    const given = call();
    if (given === undefined) continue;
    seen.push(await given.then(plain, (error: unknown) => ({ threw: describeError(error) })));
  }
  return seen;
}

/** A result with its class, and without what differs from run to run. */
function plain(result: unknown): unknown {
  const kind = Object.prototype.toString.call(result) + (result?.constructor?.name ?? '');
  return {
    kind,
    result: JSON.stringify(result, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)),
  };
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, constructor } = error;
  const { code } = error as { code?: unknown };
  return { name, message, code, kind: constructor.name, keys: Object.keys(error).sort() };
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function expectedIf(told: boolean, inserts: number): Tally {
  return told ? { 'author insert': inserts } : {};
}

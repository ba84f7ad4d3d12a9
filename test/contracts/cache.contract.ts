import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { uninstrument } from '../../src/instrument/hooks/attach.ts';
import { heapUsed } from '../support/heap-used.ts';
import { Numbers } from '../support/http-numbers.ts';

/** How a cache under this contract is instrumented. */
export interface CacheOptions {
  readonly registry: Registry;
  readonly cache: string;
  readonly enabled?: boolean;
}

/** A cache under this contract. Each method hands on what the library gives, promise or not. */
export interface CacheSubject {
  /** What `instrumentX` got. */
  readonly target: object;
  /** Instruments it, again if need be. */
  instrument(options: CacheOptions): void;
  get(key: string): unknown;
  getMany?(keys: readonly string[]): unknown;
  set(key: string, value: unknown, ttlMs?: number): unknown;
  setMany?(entries: readonly (readonly [string, unknown])[]): unknown;
  delete(key: string): unknown;
  deleteMany?(keys: readonly string[]): unknown;
  has?(key: string): unknown;
  clear?(): unknown;
  wrap?(key: string, load: () => Promise<unknown>): unknown;
  /** A call that fails although all is well: a command on a value of another type. */
  misuse?(key: string): unknown;
  /** From now on whatever is asked of the cache fails. */
  breakDown?(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** How caches differ where they may. */
export interface CacheTraits {
  readonly backend: string;
  /** Values that a careless test takes for nothing; what the cache can keep of them. */
  readonly falsy: readonly unknown[];
  /**
   * What deleting a key counts that is not there: 0, but where the library does not tell.
   * @default 0
   */
  readonly deletesAbsent?: number;
  /**
   * What clearing three entries counts: 3, or 1 where the library does not tell how many there
   * were.
   */
  readonly clears: number;
  /** Whether an entry that expired is seen when it is asked for. */
  readonly expires?: boolean;
  /** Whether the page has the number of entries. */
  readonly entries?: boolean;
  /** The operations of which `breakDown` makes errors. @default those that the subject has */
  readonly fails?: readonly string[];
  /**
   * Whether an operation that fails rejects (or throws); some libraries keep it to themselves, at
   * times.
   * @default true
   */
  readonly rejects?: boolean | 'at times';
  /**
   * How many keys are asked for to see that none is kept.
   * @default 100,000; fewer for the older of two versions
   */
  readonly distinctKeys?: number;
}

const BACKLOG = 500;

/**
 * What every adapter for a cache has to do, against the real library and, where there is one, a
 * real server.
 */
export function cacheContract(
  name: string,
  start: () => CacheSubject | Promise<CacheSubject>,
  traits: CacheTraits,
): void {
  const running: CacheSubject[] = [];
  const { backend, deletesAbsent = 0, rejects = true } = traits;

  async function begin(options: Partial<CacheOptions> = {}): Promise<Bench> {
    const subject = await start();
    running.push(subject);
    const bench = new Bench(subject, options.registry ?? new Registry(), options.cache ?? 'pages');
    subject.instrument({ registry: bench.registry, cache: bench.cache, ...options });
    return bench;
  }

  async function bare(): Promise<CacheSubject> {
    const subject = await start();
    running.push(subject);
    return subject;
  }

  afterEach(async () => {
    for (const subject of running.splice(0)) await subject.close();
  });

  describe(`${name}: cache metrics`, () => {
    test('a get is a hit or a miss, and a set a set', async () => {
      const { subject, key, ...bench } = await begin();
      await subject.get(key('a'));
      await subject.set(key('a'), 'x');
      await subject.get(key('a'));
      await subject.get(key('a'));
      expect(await bench.counts()).toMatchObject({ hit: 2, miss: 1, sets: 1, errors: 0 });
      const numbers = await bench.numbers();
      expect(numbers.series('cache_gets', { result: 'hit' })[0]!.labels).toEqual({
        cache: 'pages',
        backend,
        result: 'hit',
      });
      expect(numbers.count('cache_operation_duration_seconds', { operation: 'get' })).toBe(3);
      expect(numbers.count('cache_operation_duration_seconds', { operation: 'set' })).toBe(1);
      expect(numbers.sum('cache_operation_duration_seconds')).toBeGreaterThan(0);
    });

    test.each(traits.falsy.map((value) => ({ value })))('a cached $value is a hit', async ({ value }) => {
      const { subject, key, ...bench } = await begin();
      await subject.set(key('a'), value);
      await subject.get(key('a'));
      expect(await bench.counts()).toMatchObject({ hit: 1, miss: 0 });
    });

    test('what has no traffic shows zeros for what is to come', async () => {
      const bench = await begin();
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 0, sets: 0 });
      expect((await bench.numbers()).series('cache_gets')).toHaveLength(2);
    });

    test('a delete invalidates what was there, and nothing else', async () => {
      const { subject, key, ...bench } = await begin();
      await subject.set(key('a'), 'x');
      await subject.delete(key('a'));
      expect(await bench.counts()).toMatchObject({ delete: 1 });
      await subject.delete(key('a'));
      expect(await bench.counts()).toMatchObject({ delete: 1 + deletesAbsent, errors: 0 });
      expect((await bench.numbers()).count('cache_operation_duration_seconds', { operation: 'delete' })).toBe(2);
    });

    test('several keys at once count one by one', async () => {
      const { subject, key, ...bench } = await begin();
      const pairs = ['a', 'b', 'c'].map((id) => [key(id), 'x'] as const);
      if (subject.setMany) await subject.setMany(pairs);
      else await Promise.all(pairs.map(([id, value]) => subject.set(id, value)));
      const asked = [key('a'), key('nobody'), key('c'), key('no one')];
      if (subject.getMany) await subject.getMany(asked);
      else await Promise.all(asked.map((id) => subject.get(id)));
      const dropped = [key('a'), key('b'), key('nobody')];
      if (subject.deleteMany) await subject.deleteMany(dropped);
      else await Promise.all(dropped.map((id) => subject.delete(id)));
      expect(await bench.counts()).toMatchObject({ hit: 2, miss: 2, sets: 3, delete: 2 + deletesAbsent });
    });

    test('asking whether a key is there is no get', async () => {
      const { subject, key, ...bench } = await begin();
      if (!subject.has) return expect(subject.has).toBeUndefined();
      await subject.set(key('a'), 'x');
      await subject.has(key('a'));
      await subject.has(key('b'));
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 0 });
    });

    test('clearing invalidates what there was, as far as is known', async () => {
      const { subject, key, ...bench } = await begin();
      if (!subject.clear) return expect(subject.clear).toBeUndefined();
      for (const id of ['a', 'b', 'c']) await subject.set(key(id), 'x');
      await subject.clear();
      expect(await bench.counts()).toMatchObject({ clear: traits.clears, delete: 0 });
      await subject.get(key('a'));
      expect(await bench.counts()).toMatchObject({ miss: 1 });
    });

    test('what has expired is a miss', async () => {
      const { subject, key, ...bench } = await begin();
      if (traits.expires === undefined) return expect(traits.expires).toBeUndefined();
      await subject.set(key('a'), 'x', 30);
      await sleep(60);
      await subject.get(key('a'));
      const { expire, ...counts } = await bench.counts();
      expect(counts).toMatchObject({ hit: 0, miss: 1, delete: 0 });
      expect(expire).toBe(traits.expires ? 1 : 0);
    });

    test('how many entries there are', async () => {
      const { subject, key, ...bench } = await begin();
      for (const id of ['a', 'b']) await subject.set(key(id), 'x');
      const series = (await bench.numbers()).series('cache_entries');
      expect(series.map(({ value }) => value)).toEqual(traits.entries === true ? [2] : []);
    });

    test('wrap is a get, and a set after a miss', async () => {
      const { subject, key, ...bench } = await begin();
      if (!subject.wrap) return expect(subject.wrap).toBeUndefined();
      let loads = 0;
      const load = async (): Promise<string> => `x${++loads}`;
      expect(await subject.wrap(key('a'), load)).toBe('x1');
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 1, sets: 1 });
      expect(await subject.wrap(key('a'), load)).toBe('x1');
      expect(await bench.counts()).toMatchObject({ hit: 1, miss: 1, sets: 1, errors: 0 });
      expect((await bench.numbers()).count('cache_operation_duration_seconds', { operation: 'get' })).toBe(2);
    });

    test('wrap whose function fails is a miss, and no error of the cache', async () => {
      const { subject, key, ...bench } = await begin();
      if (!subject.wrap) return expect(subject.wrap).toBeUndefined();
      const error = new Error('the source is down');
      await expect(subject.wrap(key('a'), async () => Promise.reject(error))).rejects.toBe(error);
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 1, sets: 0, errors: 0 });
    });

    test('calls of wrap for one key at once are gets of it, each', async () => {
      const { subject, key, ...bench } = await begin();
      const { wrap } = subject;
      if (!wrap) return expect(wrap).toBeUndefined();
      const load = async (): Promise<string> => sleep(20, 'x');
      await Promise.all(Array.from({ length: 5 }, () => wrap(key('a'), load)));
      const { hit, miss, sets } = await bench.counts();
      expect([hit, miss]).toEqual([0, 5]);
      expect([1, 5]).toContain(sets);
    });

    test('what fails is an error, and neither a hit nor a miss', async () => {
      const { subject, key, ...bench } = await begin();
      if (!subject.breakDown) return expect(subject.breakDown).toBeUndefined();
      await subject.set(key('a'), 'x');
      await subject.breakDown();
      const attempts: Record<string, () => unknown> = {
        get: () => subject.get(key('a')),
        ...(subject.getMany && { get_many: () => subject.getMany!([key('a'), key('b')]) }),
        set: () => subject.set(key('b'), 'x'),
        delete: () => subject.delete(key('a')),
      };
      const failing = traits.fails ?? Object.keys(attempts);
      for (const operation of failing) {
        const end = await settled(attempts[operation]!);
        if (rejects !== 'at times') expect('error' in end).toBe(rejects);
      }
      const numbers = await bench.numbers();
      const errors = failing.map((operation) => numbers.value('cache_errors', { operation }));
      expect(errors).toEqual(failing.map(() => 1));
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 0, sets: 1, delete: 0, errors: failing.length });
      for (const operation of failing) {
        expect(numbers.count('cache_operation_duration_seconds', { operation })).toBeGreaterThan(0);
      }
    });

    test('many at once are told apart', async () => {
      const { subject, key, ...bench } = await begin();
      await Promise.all(Array.from({ length: 100 }, (_, i) => subject.set(key(`${i}`), `${i}`)));
      const found = await Promise.all(Array.from({ length: 300 }, (_, i) => subject.get(key(`${i}`))));
      expect(found.slice(0, 3).map((value) => readable(value))).toEqual(['0', '1', '2']);
      expect(await bench.counts()).toMatchObject({ hit: 100, miss: 200, sets: 100, errors: 0 });
    });

    test('results, types and errors are what they are without', async () => {
      const { subject, key } = await begin();
      const other = await bare();
      const instrumented = await transcript(subject, key);
      const plain = await transcript(other, key);
      expect(instrumented).toEqual(plain);
      expect(instrumented.length).toBeGreaterThan(8);
    });

    test('a rejection that nobody handles stays unhandled', async () => {
      const { subject, key } = await begin();
      if (!subject.breakDown || rejects !== true) return expect(rejects === true && subject.breakDown).toBeFalsy();
      await subject.breakDown();
      const seen: unknown[] = [];
      const listeners = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection');
      const note = (reason: unknown): void => void seen.push(reason);
      process.on('unhandledRejection', note);
      try {
        const result = subject.get(key('a'));
        for (let i = 0; i < 200 && seen.length === 0; i++) await sleep(10);
        expect(result).toBeInstanceOf(Promise);
      } finally {
        process.off('unhandledRejection', note);
        for (const listener of listeners) process.on('unhandledRejection', listener);
      }
      expect(seen).toHaveLength(1);
    });

    test('instrumented twice it counts once, and as the first time', async () => {
      const { subject, key, ...bench } = await begin();
      subject.instrument({ registry: bench.registry, cache: 'other' });
      await subject.set(key('a'), 'x');
      await subject.get(key('a'));
      expect(await bench.counts()).toMatchObject({ hit: 1, sets: 1 });
      expect((await bench.numbers()).labelValues('cache_gets', 'cache')).toEqual(['pages']);
    });

    test('once it is undone nothing is counted, and what was counted stays', async () => {
      const { subject, key, ...bench } = await begin();
      await subject.set(key('a'), 'x');
      uninstrument(subject.target);
      await subject.get(key('a'));
      await subject.delete(key('a'));
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 0, sets: 1, delete: 0 });
      subject.instrument({ registry: bench.registry, cache: 'pages' });
      await subject.get(key('a'));
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: 1, sets: 1 });
    });

    test('where metrics are off nothing is hooked', async () => {
      const subject = await bare();
      const before = Object.getOwnPropertyNames(subject.target);
      const registry = new Registry();
      subject.instrument({ registry, cache: 'pages', enabled: false });
      expect(Object.getOwnPropertyNames(subject.target)).toEqual(before);
      await subject.get(`off:${randomBytes(4).toString('hex')}`);
      expect([...registry.metrics()]).toEqual([]);
    });

    test('two caches side by side do not mix', async () => {
      const one = await begin();
      const two = await begin({ registry: one.registry, cache: 'sessions' });
      await one.subject.set(one.key('a'), 'x');
      await one.subject.get(one.key('a'));
      await two.subject.get(two.key('b'));
      expect(await one.counts()).toMatchObject({ hit: 1, miss: 0, sets: 1 });
      expect(await two.counts()).toMatchObject({ hit: 0, miss: 1, sets: 0 });
    });

    const { distinctKeys = 100_000 } = traits;
    test(`${distinctKeys} keys make no series and keep no memory`, async () => {
      const { subject, key, ...bench } = await begin();
      const ask = async (from: number, count: number, many = subject.getMany): Promise<void> => {
        for (let i = from; i < from + count; i += BACKLOG) {
          const keys = Array.from({ length: BACKLOG }, (_, j) => key(`secret-${i + j}`));
          await (many ? many(keys) : Promise.all(keys.map((id) => subject.get(id))));
        }
      };
      const part = distinctKeys / 10;
      await ask(0, part);
      await ask(part, part, undefined);
      const series = await bench.seriesCount();
      const before = heapUsed();
      await ask(2 * part, part, undefined);
      await ask(3 * part, 7 * part);
      const grown = heapUsed() - before;
      expect(await bench.counts()).toMatchObject({ hit: 0, miss: distinctKeys, errors: 0 });
      expect(await bench.seriesCount()).toBe(series);
      // Anything that is kept of a key takes more than 30 bytes.
      expect(grown).toBeLessThan(Math.max(8 * part * 30, 1_000_000));
      expect(await bench.page()).not.toContain('secret');
    });
  });
}

/** A cache and the registry in which it is counted. */
class Bench {
  readonly subject: CacheSubject;
  readonly registry: Registry;
  readonly cache: string;
  readonly key: (id: string) => string;
  readonly counts: () => Promise<Counts>;
  readonly numbers: () => Promise<Numbers>;
  readonly seriesCount: () => Promise<number>;
  readonly page: () => Promise<string>;

  constructor(subject: CacheSubject, registry: Registry, cache: string) {
    this.subject = subject;
    this.registry = registry;
    this.cache = cache;
    const prefix = randomBytes(6).toString('hex');
    this.key = (id) => `${prefix}:${id}`;
    this.numbers = () => Numbers.of(registry);
    this.counts = async () => countsOf(await Numbers.of(registry), cache);
    this.seriesCount = async () =>
      (await registry.snapshot()).families.reduce((sum, { series }) => sum + series.length, 0);
    this.page = async () => JSON.stringify((await registry.snapshot()).families.map(({ series }) => series));
  }
}

/** What a cache's families say, in short. */
export interface Counts {
  readonly hit: number;
  readonly miss: number;
  readonly sets: number;
  readonly delete: number;
  readonly clear: number;
  readonly expire: number;
  readonly evict: number;
  readonly errors: number;
}

export function countsOf(numbers: Numbers, cache: string): Counts {
  const dropped = (reason: string): number => numbers.value('cache_invalidations', { cache, reason });
  return {
    hit: numbers.value('cache_gets', { cache, result: 'hit' }),
    miss: numbers.value('cache_gets', { cache, result: 'miss' }),
    sets: numbers.value('cache_sets', { cache }),
    delete: dropped('delete'),
    clear: dropped('clear'),
    expire: dropped('expire'),
    evict: dropped('evict'),
    errors: numbers.value('cache_errors', { cache }),
  };
}

type End = { readonly value: unknown } | { readonly error: string };

/** How a call ends, whether it returns, throws, resolves or rejects. */
async function settled(call: () => unknown): Promise<End> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: `${(error as Error).constructor.name}: ${String(error)}` };
  }
}

/** What a cache answers to one call of each kind, and whether at once or as a promise. */
async function transcript(subject: CacheSubject, key: (id: string) => string): Promise<readonly unknown[]> {
  const calls: readonly (() => unknown)[] = [
    () => subject.get(key('t1')),
    () => subject.set(key('t1'), 'x'),
    () => subject.get(key('t1')),
    () => subject.delete(key('t1')),
    () => subject.delete(key('t1')),
    () => subject.setMany?.([[key('t2'), 'x']]),
    () => subject.getMany?.([key('t2'), key('t1')]),
    () => subject.deleteMany?.([key('t2'), key('t1')]),
    () => subject.wrap?.(key('t3'), async () => 'x'),
    () => subject.wrap?.(key('t3'), async () => 'y'),
    () => subject.delete(key('t3')),
    () => subject.has?.(key('t3')),
    () => subject.misuse?.(key('t4')),
  ];
  const lines: unknown[] = [];
  for (const call of calls) {
    let kind = 'value';
    const end = await settled(() => {
      const result = call();
      kind = Object.prototype.toString.call(result);
      return result;
    });
    lines.push([kind, end]);
  }
  return lines;
}

/** Buffers as text; memcached's answers have the value inside. */
function readable(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'value' in value) return String(value.value);
  return String(value);
}

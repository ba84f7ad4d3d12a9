import { describe, expect, test } from 'vitest';
import { observeCall, type Outcome, wrapMethod } from '../../../src/instrument/hooks/wrap.ts';

class Pool {
  readonly size = 3;
  query(text: string, ...rest: readonly unknown[]): string {
    return `${this.size} ${text} ${rest.length}`;
  }
}

/** Wraps `query`, and notes what it was called with. */
function wrapQuery(pool: Pool, calls: string[]): () => void {
  return wrapMethod(pool, 'query', (original: Pool['query']) => {
    return function (this: Pool, ...args: Parameters<Pool['query']>) {
      calls.push(args[0]);
      return original.apply(this, args);
    };
  });
}

describe('wrapMethod', () => {
  test('keeps this, arguments, result, name, length and properties, and is not enumerable on an instance', () => {
    const pool = new Pool();
    const calls: string[] = [];
    Object.assign(Pool.prototype.query, { marked: true });
    wrapQuery(pool, calls);
    expect(pool.query('a', 1, 2)).toBe('3 a 2');
    expect(calls).toEqual(['a']);
    expect([pool.query.name, pool.query.length]).toEqual(['query', 1]);
    expect(pool.query).toHaveProperty('marked', true);
    expect(Object.keys(pool)).toEqual(['size']);
    expect(new Pool().query).toBe(Pool.prototype.query);
  });

  test('restores the method, be it inherited or own', () => {
    const inherited = new Pool();
    wrapQuery(inherited, [])();
    expect(Object.hasOwn(inherited, 'query')).toBe(false);
    const own = Object.assign(new Pool(), { query: (text: string) => text });
    const before = Object.getOwnPropertyDescriptor(own, 'query');
    wrapQuery(own, [])();
    expect(Object.getOwnPropertyDescriptor(own, 'query')).toEqual(before);
  });

  test('leaves the wrapper of somebody else in place, and only hands calls on', () => {
    const pool = new Pool();
    const calls: string[] = [];
    const restore = wrapQuery(pool, calls);
    const ours = pool.query;
    const theirs = function (this: Pool, text: string) {
      return `${ours.call(this, text)}!`;
    };
    pool.query = theirs;
    restore();
    expect(pool.query).toBe(theirs);
    expect(pool.query('a')).toBe('3 a 0!');
    expect(calls).toEqual([]);
  });

  test('does nothing where there is no such method', () => {
    const target: { missing?: unknown } = {};
    wrapMethod(target, 'missing', () => expect.unreachable())();
    expect(target).toEqual({});
  });
});

describe('observeCall', () => {
  const outcomes: Outcome<unknown>[] = [];
  const done = (outcome: Outcome<unknown>): void => void outcomes.push(outcome);
  const ends = (): unknown[] => outcomes.splice(0).map((end) => (end.failed ? end.error : end.result));

  test('hands on what a call returns, throws, resolves and rejects, and tells each once', async () => {
    const error = new Error('down');
    expect(observeCall(() => 1, done)).toBe(1);
    expect(() => observeCall(() => fail(error), done)).toThrow(error);
    await expect(observeCall(async () => 2, done)).resolves.toBe(2);
    await expect(observeCall(async () => fail(error), done)).rejects.toBe(error);
    expect(ends()).toEqual([1, error, 2, error]);
  });

  test('does not run a lazy thenable', () => {
    const lazy = { ['then' as string]: () => expect.unreachable() };
    expect(observeCall(() => lazy, done)).toBe(lazy);
    expect(ends()).toHaveLength(1);
  });

  test('lets nothing out that its observer throws', async () => {
    const broken = (): never => fail(new Error('observer'));
    expect(observeCall(() => 1, broken)).toBe(1);
    await expect(observeCall(async () => 2, broken)).resolves.toBe(2);
  });

  test('leaves an unhandled rejection unhandled', async () => {
    const seen: unknown[] = [];
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.once('unhandledRejection', (reason) => seen.push(reason));
    const error = new Error('nobody cares');
    void observeCall(async () => fail(error), done);
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(seen).toEqual([error]);
    expect(ends()).toEqual([error]);
  });
});

function fail(error: Error): never {
  throw error;
}

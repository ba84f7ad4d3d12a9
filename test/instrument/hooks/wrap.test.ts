import { describe, expect, test } from 'vitest';
import { after, before, wrapMethod } from '../../../src/instrument/hooks/wrap.ts';

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
    const descriptor = Object.getOwnPropertyDescriptor(own, 'query');
    wrapQuery(own, [])();
    expect(Object.getOwnPropertyDescriptor(own, 'query')).toEqual(descriptor);
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

describe('before and after', () => {
  test('tell arguments and the result, and pass both on, whatever the hook throws', () => {
    const pool = new Pool();
    const told: unknown[] = [];
    const restores = [
      before(pool, 'query', (...args) => {
        told.push(args);
        throw new Error('hook');
      }),
      after(pool, 'query', (result, args) => {
        told.push([result, ...args]);
        throw new Error('hook');
      }),
    ];
    expect(pool.query('a', 1)).toBe('3 a 1');
    expect(told).toEqual([
      ['a', 1],
      ['3 a 1', 'a', 1],
    ]);
    for (const restore of restores.toReversed()) restore();
    expect(pool.query('b')).toBe('3 b 0');
    expect(told).toHaveLength(2);
    expect(Object.keys(pool)).toEqual(['size']);
  });
});

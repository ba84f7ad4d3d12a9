import { describe, expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { databaseErrorType } from '../../../src/instrument/database/errors.ts';
import { DatabaseRecorder } from '../../../src/instrument/database/recorder.ts';
import type { DatabaseSystem } from '../../../src/instrument/database/series.ts';
import { DatabaseSession } from '../../../src/instrument/database/session.ts';
import { heapUsed } from '../../support/heap-used.ts';
import { Numbers } from '../../support/http-numbers.ts';

function begin(system: DatabaseSystem) {
  const registry = new Registry();
  const series = DatabaseRecorder.of({ registry, namespace: '', compat: undefined }).database('default', system);
  const session = new DatabaseSession(series);
  return {
    registry,
    series,
    session,
    run: (...texts: string[]) => {
      for (const text of texts) session.executed(text, 0.001);
    },
    async outcomes() {
      const page = await Numbers.of(registry);
      return ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));
    },
  };
}

describe('transactions', () => {
  test('a registry has one recorder, and an alias one series', async () => {
    const { registry, series } = begin('postgresql');
    const again = DatabaseRecorder.of({ registry, namespace: '', compat: undefined });
    expect(again.database('default', 'postgresql')).toBe(series);
    expect(again.database('replica', 'postgresql')).not.toBe(series);
    expect(again.database('default', 'mysql')).not.toBe(series);
  });

  test.each<[DatabaseSystem, string[], number[]]>([
    ['postgresql', ['begin', 'commit'], [1, 0]],
    ['postgresql', ['begin', 'begin', 'create table t (id int)', 'rollback'], [0, 1]],
    ['postgresql', ['begin', "prepare transaction 'a'", 'commit'], [0, 0]],
    ['postgresql', ['commit', 'rollback'], [0, 0]],
    ['mysql', ['begin', 'begin', 'commit'], [2, 0]],
    ['mysql', ['begin', 'create table t (id int)', 'commit'], [1, 0]],
    ['mariadb', ['begin', 'create temporary table t (id int)', 'rollback'], [0, 1]],
    ['sqlite', ['begin immediate', 'create table t (id int)', 'end'], [1, 0]],
  ])('%s: %j', async (system, texts, expected) => {
    const { run, outcomes } = begin(system);
    run(...texts);
    expect(await outcomes()).toEqual(expected);
  });

  test('what the database ends by itself is rolled back, once', async () => {
    const { run, session, outcomes } = begin('mysql');
    run('begin');
    session.rolledBack();
    run('rollback');
    expect(await outcomes()).toEqual([0, 1]);
  });

  test('a COMMIT that fails has rolled back, but for SQLite, where it can be tried again', async () => {
    for (const [system, expected] of [
      ['postgresql', [0, 1]],
      ['sqlite', [1, 0]],
    ] as const) {
      const { run, session, outcomes } = begin(system);
      run('begin');
      session.failed('commit', 0.001, new Error('deferred'));
      run('commit');
      expect(await outcomes()).toEqual(expected);
    }
  });
});

test('100,000 distinct statements leave the series few and the memory flat', async () => {
  const { session, registry } = begin('postgresql');
  const distinct = (from: number): void => {
    for (let i = from; i < from + 50_000; i++) {
      session.executed(`select ${i} as a${i}, '${'x'.repeat(200)}' from t${i} where id = ${i}`, 0.001, 1);
      session.executed(`with c${i} as (select ${i}) insert into t${i} select * from c${i}`, 0.001);
      session.failed(`update t${i} set a = ${i}`, 0.001, { code: `ERR_OF_MINE_${i}` });
    }
  };
  distinct(0);
  const page = await Numbers.of(registry);
  expect(page.value('db_client_executions', { operation: 'select' })).toBe(50_000);
  expect(page.value('db_client_executions', { operation: 'insert' })).toBe(50_000);
  const before = heapUsed();
  distinct(50_000);
  // Texts of 250 characters each that were kept would be 25 MB and more.
  expect(heapUsed() - before).toBeLessThan(8e6);
  const after = await Numbers.of(registry);
  expect(after.series('db_client_executions')).toHaveLength(3);
  expect(after.series('db_client_errors')).toHaveLength(101);
  expect(after.value('db_client_errors', { type: '<overflow>' })).toBe(100_000 - 100);
});

test.each<[unknown, string]>([
  [{ code: '23505' }, '23'],
  [{ code: 'ECONNREFUSED' }, 'ECONNREFUSED'],
  [{ code: 'EPIPE' }, 'EPIPE'],
  [{ code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000' }, '23'],
  [{ code: 'ER_LOCK_WAIT_TIMEOUT', errno: 1205, sqlState: 'HY000' }, 'ER_LOCK_WAIT_TIMEOUT'],
  [{ code: 'SQLITE_CONSTRAINT_UNIQUE' }, 'SQLITE_CONSTRAINT_UNIQUE'],
  [{ code: 'SQLITE_CONSTRAINT', extendedCode: 'SQLITE_CONSTRAINT_UNIQUE' }, 'SQLITE_CONSTRAINT_UNIQUE'],
  [{ code: 'ERR_SQLITE_ERROR', errcode: 2067 }, '2067'],
  [{ code: 11_000 }, '11000'],
  [{ code: 'no code: user data' }, 'Object'],
  [new TypeError('user data'), 'TypeError'],
  ['user data', 'string'],
  [undefined, 'undefined'],
])('the type of %j is %s', (error, type) => {
  expect(databaseErrorType(error)).toBe(type);
});

test('gauges follow several pools of one alias, and forget those that go', async () => {
  const { series, registry } = begin('postgresql');
  const pools = [series.pool(), series.pool()];
  const state = { used: 1, idle: 2, pending: 3, max: 10 };
  for (const pool of pools) pool.watch(() => ({ ...state }));
  state.used = 2;
  pools[0]!.changed();
  pools[0]!.changed();
  const shown = async (): Promise<number[]> => {
    const page = await Numbers.of(registry);
    return [
      page.value('db_client_connections', { state: 'used' }),
      page.value('db_client_connections', { state: 'idle' }),
      page.value('db_client_pending_requests'),
      page.value('db_client_connections_max'),
    ];
  };
  expect(await shown()).toEqual([3, 4, 6, 20]);
  pools[0]!.close();
  expect(await shown()).toEqual([1, 2, 3, 10]);
  pools[1]!.close();
  pools[1]!.changed();
  expect(await shown()).toEqual([0, 0, 0, 0]);
});

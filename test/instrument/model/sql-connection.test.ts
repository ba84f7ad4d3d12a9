import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { ModelRecorder } from '../../../src/instrument/model/recorder.ts';
import { SqlConnection } from '../../../src/instrument/model/sql-connection.ts';
import { Numbers } from '../../support/http-numbers.ts';

const INSERT = 'insert into author (name) values (1)';

function start(): { connection: SqlConnection; counted: () => Promise<{ inserts: number; rolledBack: number }> } {
  const registry = new Registry();
  const connection = new SqlConnection(new ModelRecorder({ registry, namespace: '' }));
  const counted = async (): Promise<{ inserts: number; rolledBack: number }> => {
    const numbers = await Numbers.of(registry);
    return {
      inserts: numbers.value('model_inserts', { model: 'author' }),
      rolledBack: numbers.series('model_rolled_back_operations').reduce((sum, { value }) => sum + value, 0),
    };
  };
  return { connection, counted };
}

test('savepoints with names of any characters, of which an outer one takes the inner ones with it', async () => {
  const { connection, counted } = start();
  const insert = (rows: number): void => {
    connection.sent(INSERT);
    connection.succeeded(INSERT, rows);
  };
  connection.sent('START TRANSACTION;');
  insert(1);
  connection.sent('SAVEPOINT "94d9-4a63-sp-1";');
  insert(10);
  connection.sent('SAVEPOINT "94d9-4a63-sp-2";');
  insert(100);
  connection.sent('ROLLBACK TO SAVEPOINT "94d9-4a63-sp-1";');
  insert(1000);
  connection.sent('COMMIT;');
  connection.sent('select 1');
  expect(await counted()).toEqual({ inserts: 1111, rolledBack: 110 });
});

test('rows belong where their statement was sent, however late the answer comes', async () => {
  const { connection, counted } = start();
  const before = connection.sent(INSERT);
  connection.sent('begin');
  connection.sent('savepoint here');
  const inside = connection.sent(INSERT);
  connection.sent('release savepoint here');
  connection.sent('rollback');
  const after = connection.sent(INSERT);
  connection.succeeded(INSERT, 1, before);
  connection.succeeded(INSERT, 10, inside);
  connection.succeeded(INSERT, 100, after);
  expect(await counted()).toEqual({ inserts: 111, rolledBack: 10 });
});

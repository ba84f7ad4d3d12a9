import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as newest from '@libsql/client';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentLibsql, uninstrument } from '../../../src/adapters/database/libsql/libsql.ts';
import { Registry } from '../../../src/index.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
import { oldest } from '../../support/oldest.ts';
import { Numbers } from '../../support/http-numbers.ts';

const folder = mkdtempSync(join(tmpdir(), 'libsql-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Libsql = Pick<typeof newest, 'createClient'>;

let files = 0;

async function openClient({ createClient }: Libsql): Promise<newest.Client> {
  const client = createClient({ url: pathToFileURL(join(folder, `${++files}.sqlite`)).href });
  await client.execute('create table devices (id integer primary key, name text)');
  return client;
}

const INSERT = 'insert into devices values (?, ?)';
const SELECT = 'select id, name from devices where id <= ?';

function subjectOf(client: newest.Client, options: OpenOptions): DatabaseSubject {
  const instrument = (): void => void instrumentLibsql(client, options);
  if (options.instrumented) instrument();
  return {
    insert: (id, name) => client.execute({ sql: INSERT, args: [id, name] }),
    select: (upTo) => client.execute({ sql: SELECT, args: [upTo] }),
    rename: (id, name) => client.execute({ sql: 'UPDATE devices SET name = ? WHERE id = ?', args: [name, id] }),
    remove: (id) => client.execute({ sql: 'delete from devices where id = ?', args: [id] }),
    ddl: () => client.execute('create index if not exists by_name on devices (name)'),
    nonsense: () => client.execute('selec 1'),
    run: (sql) => client.execute(sql),
    insertAll: (rows) =>
      client.execute({ sql: `insert into devices values ${rows.map(() => '(?, ?)').join()}`, args: rows.flat() }),
    upsert: (id, name) =>
      client.execute({
        sql: `${INSERT} on conflict (id) do update set name = excluded.name`,
        args: [id, name],
      }),
    batch: (rows) => client.batch(rows.map(([id, name]) => ({ sql: INSERT, args: [id, name] }))),
    async transaction(work) {
      const transaction = await client.transaction('write');
      try {
        await work({
          insert: (id, name) => transaction.execute({ sql: INSERT, args: [id, name] }),
          select: (upTo) => transaction.execute({ sql: SELECT, args: [upTo] }),
        });
        await transaction.commit();
      } finally {
        transaction.close();
      }
    },
    instrument,
    uninstrument: () => uninstrument(client),
    close: async () => client.close(),
  };
}

const TRAITS = {
  system: 'sqlite',
  errors: { duplicate: 'SQLITE_CONSTRAINT_PRIMARYKEY', nonsense: 'SQLITE_ERROR' },
  lacks: ['hold', 'cursor', 'prepared'],
} as const;

databaseContract('@libsql/client, newest', async (options) => subjectOf(await openClient(newest), options), TRAITS);

const first = await oldest<Libsql>('database', '@libsql/client');
databaseContract('@libsql/client, oldest', async (options) => subjectOf(await openClient(first), options), TRAITS);

describe('@libsql/client', () => {
  test('a batch of several statements is one transaction, of which those count that were executed', async () => {
    const registry = new Registry();
    const client = instrumentLibsql(await openClient(newest), { registry });
    await client.batch([INSERT.replace('?, ?', `1, 'a'`), 'update devices set name = null', SELECT.replace('?', '9')]);
    await client.migrate(['create table other (id integer)', 'drop table other']);
    await expect(client.batch(['select 1', 'selec 1', 'delete from devices'])).rejects.toThrow(/syntax error/);
    await client.executeMultiple(`begin; insert into devices values (2, 'b'); commit; select 1`);
    const page = await Numbers.of(registry);
    const executions = Object.fromEntries(
      page.series('db_client_executions').map(({ labels, value }) => [labels['operation'], value]),
    );
    expect(executions).toEqual({ insert: 2, update: 1, select: 3, other: 1, ddl: 2, transaction: 2 });
    expect(page.value('db_client_batch_executions')).toBe(7);
    expect(page.value('db_client_transactions', { outcome: 'committed' })).toBe(3);
    expect(page.value('db_client_transactions', { outcome: 'rolled_back' })).toBe(1);
    client.close();
  });
  test.each([
    ['newest', newest],
    ['oldest', first],
  ])('what was never executed is an error, and no execution: %s', async (_name, library) => {
    const registry = new Registry();
    const client = instrumentLibsql(await openClient(library), { registry });
    const bad = { sql: SELECT, args: [Number.NaN] };
    await expect(client.execute(bad)).rejects.toBeInstanceOf(RangeError);
    await expect(client.batch(['select 1', bad, 'select 2'])).rejects.toBeInstanceOf(RangeError);
    const transaction = await client.transaction('write');
    await transaction.rollback();
    await transaction.rollback().catch(() => {});
    await expect(transaction.execute('select 1')).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    transaction.close();
    client.close();
    await expect(client.execute('select 1')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await expect(client.batch(['select 1'])).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    const page = await Numbers.of(registry);
    // Of the batch, the first statement ran.
    expect(page.value('db_client_executions', { operation: 'select' })).toBe(1);
    expect(page.value('db_client_executions', { operation: 'transaction' })).toBe(2);
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(2);
    expect(page.value('db_client_errors', { type: 'closed' })).toBeGreaterThanOrEqual(3);
    expect(page.value('db_client_transactions', { outcome: 'rolled_back' })).toBe(2);
  });

  test('transactions share the hooks of their class; those of other clients are not counted', async () => {
    const registry = new Registry();
    const clients = [await openClient(newest), await openClient(newest)];
    for (const client of clients) {
      instrumentLibsql(client, { registry });
      const transaction = await client.transaction('write');
      await transaction.execute('select 1');
      expect(Object.keys(transaction)).not.toContain('execute');
      await transaction.commit();
    }
    const other = await openClient(newest);
    const unseen = await other.transaction('write');
    await unseen.execute('select 1');
    await unseen.commit();
    uninstrument(clients[0]!);
    for (const client of clients) await (await client.transaction('write')).commit();
    const page = await Numbers.of(registry);
    expect(page.value('db_client_executions', { operation: 'select' })).toBe(2);
    expect(page.value('db_client_transactions', { outcome: 'committed' })).toBe(3);
    for (const client of [other, ...clients]) client.close();
  });
});

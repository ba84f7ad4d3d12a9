import { once } from 'node:events';
import { Client } from 'pg';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { environment, kill, startFixture, temporaryDirectory } from '../../multiprocess/children.ts';
import { readerOf, valueOn } from '../../multiprocess/page.ts';
import { postgresModels } from '../../support/model-databases.ts';

const database = await postgresModels();
afterAll(() => database.drop());

describe.skipIf(database.missing)('rows of a transaction that SIGKILL ends count as rolled back', () => {
  test.each(['kysely', 'knex', 'drizzle'])('%s', { timeout: 120_000 }, async (library) => {
    await database.empty();
    const directory = temporaryDirectory();
    const reader = readerOf(directory);
    const start = async () => {
      const child = startFixture('open-transaction.mjs', [library, database.url], { env: environment(directory) });
      const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
      expect(message).toBe('open');
      return child;
    };
    const counted = async () => {
      const page = await reader.snapshot();
      const rows = (write: string) => valueOn(page, `model_${write}s`, ['author']);
      const rolledBack = (write: string) => valueOn(page, 'model_rolled_back_operations', ['author', write]) ?? 0;
      expect(page.families.map(({ definition }) => definition.name)).not.toContain('model_open_operations');
      return {
        inserted: rows('insert'),
        updated: rows('update'),
        insertsBack: rolledBack('insert'),
        updatesBack: rolledBack('update'),
      };
    };

    const first = await start();
    expect(await counted()).toEqual({ inserted: 7, updated: 7, insertsBack: 0, updatesBack: 0 });
    await kill(first);
    // A reader settles what the dead process left open, and so does the next owner of its slot: once.
    expect(await counted()).toEqual({ inserted: 7, updated: 7, insertsBack: 2, updatesBack: 7 });
    await removeAuthors();
    const second = await start();
    expect(await counted()).toEqual({ inserted: 14, updated: 14, insertsBack: 2, updatesBack: 7 });
    await kill(second);
    expect(await counted()).toEqual({ inserted: 14, updated: 14, insertsBack: 4, updatesBack: 14 });
    expect(await committedAuthors()).toBe(5);
  });

  async function query(sql: string): Promise<{ count?: string }[]> {
    const client = new Client(database.url);
    await client.connect();
    const { rows } = await client.query<{ count?: string }>(sql);
    await client.end();
    return rows;
  }

  /** The server ends the transaction of a killed client as soon as it notices. */
  async function removeAuthors(): Promise<void> {
    expect(await committedAuthors()).toBe(5);
    await query('delete from author');
  }

  async function committedAuthors(): Promise<number> {
    const others =
      "select count(*) from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()";
    await vi.waitFor(async () => expect((await query(others))[0]?.count).toBe('0'), 60_000);
    return Number((await query('select count(*) from author'))[0]!.count);
  }
});

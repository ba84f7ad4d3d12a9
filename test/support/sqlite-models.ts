import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Tally } from '../contracts/model.contract.ts';
import { toTally } from './model-databases.ts';
import { modelTables, TRUTH } from './model-tables.ts';

/** A database in memory with the tables under the contract for models. */
export interface SqliteModels {
  readonly connection: Database.Database;
  truth(): Tally;
  close(): void;
}

export function sqliteModels(): SqliteModels {
  const connection = new Database(':memory:');
  for (const sql of modelTables('sqlite')) connection.exec(sql);
  return { connection, truth: () => toTally(connection.prepare(TRUTH).all()), close: () => void connection.close() };
}

/** The same in a file, for libraries that open it themselves. */
export function sqliteModelsFile(): { readonly file: string; truth(): Tally; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'promenade-models-'));
  const file = join(folder, 'models.db');
  const connection = new Database(file);
  connection.pragma('journal_mode = wal');
  connection.pragma('synchronous = off');
  for (const sql of modelTables('sqlite')) connection.exec(sql);
  return {
    file,
    truth: () => toTally(connection.prepare(TRUTH).all()),
    remove: () => {
      connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

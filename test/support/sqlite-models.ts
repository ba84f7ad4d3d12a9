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

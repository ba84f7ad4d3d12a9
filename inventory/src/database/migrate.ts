import type { Database, Queryable } from './database.ts';
import { seed } from './seed.ts';

const schema = `
CREATE TABLE site (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  region TEXT NOT NULL,
  facility TEXT NOT NULL,
  description TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE TABLE rack (
  id INTEGER PRIMARY KEY,
  site_id INTEGER NOT NULL REFERENCES site (id),
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  u_height INTEGER NOT NULL,
  serial TEXT NOT NULL,
  description TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL,
  UNIQUE (site_id, name)
);
CREATE TABLE device (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  role TEXT NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site (id),
  rack_id INTEGER REFERENCES rack (id),
  position INTEGER,
  u_height INTEGER NOT NULL,
  manufacturer TEXT NOT NULL,
  model TEXT NOT NULL,
  serial TEXT NOT NULL,
  description TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE TABLE prefix (
  id INTEGER PRIMARY KEY,
  prefix TEXT NOT NULL UNIQUE,
  prefix_order TEXT NOT NULL,
  site_id INTEGER REFERENCES site (id),
  status TEXT NOT NULL,
  role TEXT NOT NULL,
  vlan INTEGER,
  description TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE TABLE address (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  address_order TEXT NOT NULL,
  status TEXT NOT NULL,
  prefix_id INTEGER REFERENCES prefix (id),
  device_id INTEGER REFERENCES device (id),
  dns_name TEXT NOT NULL,
  description TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE INDEX device_site ON device (site_id);
CREATE INDEX device_rack ON device (rack_id);
CREATE INDEX prefix_site ON prefix (site_id);
CREATE INDEX address_prefix ON address (prefix_id);
CREATE INDEX prefix_order ON prefix (prefix_order);
CREATE INDEX address_order ON address (address_order);
CREATE INDEX address_device ON address (device_id);
CREATE INDEX site_updated ON site (updated);
CREATE INDEX rack_updated ON rack (updated);
CREATE INDEX device_updated ON device (updated);
CREATE INDEX prefix_updated ON prefix (updated);
CREATE INDEX address_updated ON address (updated);
`;

/** In the order in which they are applied; one that has been released is never changed. */
const migrations: readonly { readonly name: string; readonly run: (db: Queryable) => Promise<void> }[] = [
  { name: '001-schema', run: (db) => runAll(db, schema) },
  { name: '002-seed', run: seed },
];

/**
 * Brings the database up to date: each migration runs once in a database's life, all that are due in one transaction.
 * Only the primary process calls this, before it starts the others.
 *
 * @returns the names of the migrations that were due
 */
export async function migrate(db: Database): Promise<string[]> {
  return db.write(async (transaction) => {
    await transaction.all('CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied TEXT NOT NULL)');
    const applied = new Set((await transaction.all('SELECT name FROM migration')).map((row) => row['name']));
    const due = migrations.filter((migration) => !applied.has(migration.name));
    for (const { name, run } of due) {
      await run(transaction);
      await transaction.all('INSERT INTO migration (name, applied) VALUES (?, ?)', [name, new Date().toISOString()]);
    }
    return due.map((migration) => migration.name);
  });
}

async function runAll(db: Queryable, script: string): Promise<void> {
  for (const statement of script.split(';')) if (statement.trim() !== '') await db.all(statement);
}

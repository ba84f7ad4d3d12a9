import { type ColumnDataType, type CreateTableBuilder, type Expression, sql } from 'kysely';
import type { Database, Queryable } from './database.ts';

interface Table {
  readonly columns: readonly Column[];
  /** Unique constraints, each a list of columns. */
  readonly unique: readonly (readonly string[])[];
  /** Columns with an index. */
  readonly indexes: readonly string[];
}

interface Column {
  readonly name: string;
  readonly type: 'text' | 'integer';
  readonly nullable?: boolean;
  /** The table that a foreign key refers to. */
  readonly references?: string;
}

const text = (...names: string[]): Column[] => names.map((name) => ({ name, type: 'text' }));
const integer = (name: string, nullable = false): Column => ({ name, type: 'integer', nullable });
const reference = (table: string, nullable = false): Column => ({
  name: `${table}_id`,
  type: 'integer',
  nullable,
  references: table,
});

/**
 * In an order that satisfies their foreign keys. Each also gets an id and the times of creation and
 * change.
 */
const tables: Readonly<Record<string, Table>> = {
  site: {
    columns: text('name', 'slug', 'status', 'region', 'facility', 'description'),
    unique: [['name'], ['slug']],
    indexes: [],
  },
  rack: {
    columns: [reference('site'), ...text('name', 'status'), integer('u_height'), ...text('serial', 'description')],
    unique: [['site_id', 'name']],
    indexes: [],
  },
  device: {
    columns: [
      ...text('name', 'status', 'role'),
      reference('site'),
      reference('rack', true),
      integer('position', true),
      integer('u_height'),
      ...text('manufacturer', 'model', 'serial', 'description'),
    ],
    unique: [['name']],
    indexes: ['site_id', 'rack_id'],
  },
  prefix: {
    columns: [
      ...text('prefix', 'prefix_order'),
      reference('site', true),
      ...text('status', 'role'),
      integer('vlan', true),
      ...text('description'),
    ],
    unique: [['prefix']],
    indexes: ['site_id', 'prefix_order'],
  },
  address: {
    columns: [
      ...text('address', 'address_order', 'status'),
      reference('prefix', true),
      reference('device', true),
      ...text('dns_name', 'description'),
    ],
    unique: [['address']],
    indexes: ['prefix_id', 'device_id', 'address_order'],
  },
};

/** The longest text of any field; MySQL needs a length to index a text. */
const textLength = 255;

/** Creates the tables of the models. */
export async function createTables(db: Queryable, system: Database['system']): Promise<void> {
  for (const [name, table] of Object.entries(tables)) {
    let create: CreateTableBuilder<string, string> = withId(db.schema.createTable(name), system);
    for (const column of [...table.columns, ...text('created', 'updated')]) {
      create = create.addColumn(column.name, typeOf(column, system), (builder) =>
        column.nullable ? builder : builder.notNull(),
      );
      if (column.references === undefined) continue;
      const key = `${name}_${column.name}_fkey`;
      create = create.addForeignKeyConstraint(key, [column.name], column.references, ['id']);
    }
    for (const columns of table.unique) create = create.addUniqueConstraint(uniqueName(name, columns), [...columns]);
    await create.execute();
    for (const column of [...table.indexes, 'updated']) {
      await db.schema.createIndex(`${name}_${column}`).on(name).column(column).execute();
    }
  }
}

/** Creates the table of background jobs. */
export async function createJobTable(db: Queryable, system: Database['system']): Promise<void> {
  let create: CreateTableBuilder<string, string> = withId(db.schema.createTable('job'), system);
  for (const column of [...text('name', 'status', 'created', 'started', 'finished'), integer('pid')]) {
    create = create.addColumn(column.name, typeOf(column, system), (builder) => builder.notNull());
  }
  for (const name of ['input', 'result']) create = create.addColumn(name, 'text', (builder) => builder.notNull());
  await create.execute();
}

/** Returns the columns of a unique constraint by its name. */
export function uniqueColumns(constraint: string): readonly string[] {
  for (const [name, { unique }] of Object.entries(tables)) {
    const columns = unique.find((candidate) => uniqueName(name, candidate) === constraint);
    if (columns) return columns;
  }
  return [];
}

function uniqueName(table: string, columns: readonly string[]): string {
  return `${table}_${columns.join('_')}_key`;
}

/** PostgreSQL numbers rows of a serial column; the others number an integer primary key. */
function withId(create: CreateTableBuilder<string>, system: Database['system']): CreateTableBuilder<string, 'id'> {
  return create.addColumn('id', system === 'postgresql' ? 'serial' : 'integer', (id) =>
    system === 'mysql' ? id.primaryKey().autoIncrement() : id.primaryKey(),
  );
}

/** Compares texts by code points, as SQLite does, whatever the server's locale. */
function typeOf({ type }: Column, system: Database['system']): ColumnDataType | Expression<unknown> {
  if (type === 'integer') return 'integer';
  if (system === 'mysql') return sql.raw(`varchar(${textLength}) character set utf8mb4 collate utf8mb4_bin`);
  return system === 'postgresql' ? sql.raw('text collate "C"') : 'text';
}

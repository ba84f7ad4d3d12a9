import {
  isForeignKeyViolation,
  uniqueViolation,
  type Database,
  type Queryable,
  type Row,
  type SqlValue,
} from '../database/database.ts';
import { invalid, notFound, RequestError } from './errors.ts';
import { columnOf, displayOf, type FieldErrors, type Resource } from './model.ts';
import { validate } from './validate.ts';

/** Which objects a list shows. */
export interface ListQuery {
  readonly limit: number;
  readonly offset: number;
  /** Text to search for; empty for all. */
  readonly q: string;
  /** Column to value. */
  readonly filters: Readonly<Record<string, SqlValue>>;
  readonly ordering: { readonly column: string; readonly descending: boolean };
}

/** The name of the extra column in which a row carries the display name of what a reference points at. */
export function displayColumn(fieldName: string): string {
  return `${fieldName}__display`;
}

/**
 * Reads and writes the objects of one resource. Column and table names come from model definitions alone, never from
 * requests; values are always arguments.
 */
export class Repository {
  readonly resource: Resource;
  readonly #db: Database;
  readonly #select: string;

  constructor(resource: Resource, db: Database) {
    this.resource = resource;
    this.#db = db;
    this.#select = selectOf(resource);
  }

  /** One page of objects, and how many there are in all. */
  async list(query: ListQuery): Promise<{ count: number; rows: Row[] }> {
    const { where, args } = conditions(this.resource, query);
    const { column, descending } = query.ordering;
    const order = `ORDER BY t.${column} ${descending ? 'DESC' : 'ASC'}, t.id ASC`;
    const [counted] = await this.#db.all(`SELECT count(*) AS count FROM ${this.resource.model.name} t ${where}`, args);
    const page = [...args, query.limit, query.offset];
    const rows = await this.#db.all(`${this.#select} ${where} ${order} LIMIT ? OFFSET ?`, page);
    return { count: Number(counted?.['count']), rows };
  }

  /** @throws RequestError 404 */
  async get(id: number | undefined): Promise<Row> {
    return this.#get(id, this.#db);
  }

  /** @throws RequestError 400 or 409 with the fields */
  async create(input: Record<string, unknown>): Promise<Row> {
    return this.#write(async (db) => {
      const { columns, errors } = validate(this.resource.model, input, false);
      await this.#check(columns, columns, errors, undefined, db);
      const now = new Date().toISOString();
      const row: Row = { ...columns, created: now, updated: now };
      const names = Object.keys(row);
      const places = names.map(() => '?').join(', ');
      const insert = `INSERT INTO ${this.resource.model.name} (${names.join(', ')}) VALUES (${places}) RETURNING id`;
      const [inserted] = await db.all(insert, Object.values(row));
      return this.#get(Number(inserted?.['id']), db);
    });
  }

  /**
   * Changes the fields that the input names, and no others.
   *
   * @throws RequestError 400, 404 or 409
   */
  async update(id: number | undefined, input: Record<string, unknown>): Promise<Row> {
    return this.#write(async (db) => {
      const row = await this.#get(id, db);
      const { columns, errors } = validate(this.resource.model, input, true);
      await this.#check({ ...row, ...columns }, columns, errors, Number(row['id']), db);
      const changes: Row = { ...columns, updated: new Date().toISOString() };
      const assignments = Object.keys(changes).map((column) => `${column} = ?`);
      const update = `UPDATE ${this.resource.model.name} SET ${assignments.join(', ')} WHERE id = ?`;
      await db.all(update, [...Object.values(changes), Number(row['id'])]);
      return this.#get(id, db);
    });
  }

  /** @throws RequestError 404, or 409 when other objects refer to this one */
  async delete(id: number | undefined): Promise<void> {
    await this.#write(async (db) => {
      const row = await this.#get(id, db);
      const uses = (await this.referrers(Number(row['id']), db)).filter((use) => use.count > 0);
      if (uses.length > 0) {
        const list = uses.map((use) => `${use.count} ${use.count === 1 ? use.label : use.pluralLabel}`).join(', ');
        const name = `${this.resource.model.name} ${displayOf(this.resource.model, row)}`;
        throw new RequestError(409, `The ${name} can't be deleted: still referred to by ${list.toLowerCase()}.`);
      }
      await db.all(`DELETE FROM ${this.resource.model.name} WHERE id = ?`, [Number(row['id'])]);
    });
  }

  /** How many objects of which kind refer to an object, with the list page that shows them. */
  async referrers(
    id: number,
    db: Queryable = this.#db,
  ): Promise<{ label: string; pluralLabel: string; count: number; href: string }[]> {
    const counts = this.resource.referrers.map(async ({ resource, field }) => {
      const { label, pluralLabel, name } = resource.model;
      const column = columnOf(field);
      const [counted] = await db.all(`SELECT count(*) AS count FROM ${name} WHERE ${column} = ?`, [id]);
      return { label, pluralLabel, count: Number(counted?.['count']), href: `${resource.path}?${column}=${id}` };
    });
    return Promise.all(counts);
  }

  /** What the object's page shows beside its fields. */
  async panel(row: Row): Promise<{ template: string; data: object } | undefined> {
    return this.resource.model.panel?.(row, this.#db);
  }

  async #get(id: number | undefined, db: Queryable): Promise<Row> {
    if (id === undefined) throw notFound();
    const [row] = await db.all(`${this.#select} WHERE t.id = ?`, [id]);
    if (!row) throw notFound();
    return row;
  }

  async #check(row: Row, columns: Row, errors: FieldErrors, id: number | undefined, db: Queryable): Promise<void> {
    for (const [name, target] of this.resource.references) {
      const reference = columns[`${name}_id`];
      if (reference === undefined || reference === null) continue;
      const [found] = await db.all(`SELECT id FROM ${target.model.name} WHERE id = ?`, [reference]);
      if (!found) errors[name] = [`There is no ${target.model.label.toLowerCase()} ${reference}.`];
    }
    if (Object.keys(errors).length > 0) throw invalid(errors);
    const broken = (await this.resource.model.check?.(row, id, db)) ?? {};
    if (Object.keys(broken).length > 0) throw invalid(broken);
  }

  async #write<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    try {
      return await this.#db.write(work);
    } catch (error) {
      throw toConflict(this.resource, error);
    }
  }
}

function selectOf({ model, references }: Resource): string {
  const joins = [...references].map(([name, target]) => ({
    column: `${name}.${target.model.display} AS ${displayColumn(name)}`,
    join: `LEFT JOIN ${target.model.name} ${name} ON ${name}.id = t.${name}_id`,
  }));
  const columns = ['t.*', ...joins.map(({ column }) => column)].join(', ');
  return [`SELECT ${columns} FROM ${model.name} t`, ...joins.map(({ join }) => join)].join(' ');
}

function conditions({ model }: Resource, query: ListQuery): { where: string; args: SqlValue[] } {
  const args: SqlValue[] = [];
  const all = Object.entries(query.filters).map(([column, value]) => {
    args.push(value);
    return `t.${column} = ?`;
  });
  if (query.q !== '') {
    const pattern = `%${query.q.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    all.push(`(${model.search.map((column) => `lower(t.${column}) LIKE ? ESCAPE '\\'`).join(' OR ')})`);
    args.push(...model.search.map(() => pattern));
  }
  return { where: all.length > 0 ? `WHERE ${all.join(' AND ')}` : '', args };
}

function toConflict({ model }: Resource, error: unknown): unknown {
  const columns = uniqueViolation(error);
  if (columns) {
    const fields = model.fields.filter((field) => columns.includes(columnOf(field)));
    const together = fields.map((field) => field.label.toLowerCase()).join(' and ');
    const message = `A ${model.label.toLowerCase()} with this ${together} already exists.`;
    // Of a combination, the last field is the one to change: the rack's name, not its site.
    const name = fields.at(-1)?.name ?? model.display;
    return new RequestError(409, message, { [name]: [message] });
  }
  if (isForeignKeyViolation(error)) {
    return new RequestError(409, 'Another object that this one refers to, or that refers to it, has just changed.');
  }
  return error;
}

import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, sql, type SqlBool } from 'kysely';
import type { Database, Queryable, Row, SqlValue, Tables } from '../database/database.ts';
import { isForeignKeyViolation, uniqueViolation } from '../database/violations.ts';
import type { Cache } from '../cache/cache.ts';
import { invalid, notFound, RequestError } from './errors.ts';
import { columnOf, displayOf, type FieldErrors, type Resource } from './model.ts';
import { validate } from './validate.ts';

/** Selects the objects of a list. */
export interface ListQuery {
  readonly limit: number;
  readonly offset: number;
  /** Text to search for; empty for all. */
  readonly q: string;
  /** Column to value. */
  readonly filters: Readonly<Record<string, SqlValue>>;
  readonly ordering: { readonly column: string; readonly descending: boolean };
}

const everything = { offset: 0, q: '', filters: {} };
const newestShown = 10;

/** Returns the name of the extra column that holds the display name of a reference's target. */
export function displayColumn(fieldName: string): string {
  return `${fieldName}__display`;
}

/**
 * Reads and writes the objects of one resource. Table and column names come from model definitions
 * only; values are always bound parameters.
 */
export class Repository {
  readonly resource: Resource;
  readonly #db: Database;
  readonly #cache: Cache;

  constructor(resource: Resource, db: Database, cache: Cache) {
    this.resource = resource;
    this.#db = db;
    this.#cache = cache;
  }

  /** Returns one page of objects, and the total. */
  async list(query: ListQuery): Promise<{ count: number; rows: Row[] }> {
    const { model } = this.resource;
    const where = matching(this.resource, query);
    const counted = await this.#db.reads
      .selectFrom(`${model.name} as t`)
      .select(({ fn }) => fn.countAll().as('count'))
      .where(where)
      .executeTakeFirst();
    const { column, descending } = query.ordering;
    const rows = await selectOf(this.resource, this.#db.reads)
      .where(where)
      .orderBy(`t.${column}`, descending ? 'desc' : 'asc')
      .orderBy('t.id', 'asc')
      .limit(query.limit)
      .offset(query.offset)
      .execute();
    return { count: Number(counted?.['count']), rows };
  }

  /** Returns the number of objects and the latest changes. Cached until one changes. */
  async overview(): Promise<{ count: number; rows: Row[] }> {
    const ordering = { column: 'updated', descending: true };
    return this.#cached('overview', () => this.list({ ...everything, limit: newestShown, ordering }));
  }

  /** Returns the first objects by name, to choose from, and the total. Cached until one changes. */
  async choices(limit: number): Promise<{ count: number; rows: Row[] }> {
    const ordering = { column: this.resource.model.display, descending: false };
    return this.#cached('choices', () => this.list({ ...everything, limit, ordering }));
  }

  /** @throws RequestError 404 */
  async get(id: number | undefined): Promise<Row> {
    return this.#get(id, this.#db.reads);
  }

  /** @throws RequestError 400 or 409 with the fields */
  async create(input: Record<string, unknown>): Promise<Row> {
    return this.#write(async (db) => {
      const { columns, errors } = validate(this.resource.model, input, false);
      await this.#check(columns, columns, errors, undefined, db);
      const now = new Date().toISOString();
      const row: Row = { ...columns, created: now, updated: now };
      const id = await this.#db.insert(this.resource.model.name, row, db);
      return this.#get(id, db);
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
      await db.updateTable(this.resource.model.name).set(changes).where('id', '=', Number(row['id'])).execute();
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
      await db.deleteFrom(this.resource.model.name).where('id', '=', Number(row['id'])).execute();
    });
  }

  /** Returns the number of referring objects by kind, each with a link to their list. */
  async referrers(
    id: number,
    db: Queryable = this.#db.reads,
  ): Promise<{ label: string; pluralLabel: string; count: number; href: string }[]> {
    const counts = this.resource.referrers.map(async ({ resource, field }) => {
      const { label, pluralLabel, name } = resource.model;
      const column = columnOf(field);
      const counted = await db
        .selectFrom(name)
        .select(({ fn }) => fn.countAll().as('count'))
        .where(column, '=', id)
        .executeTakeFirst();
      return { label, pluralLabel, count: Number(counted?.['count']), href: `${resource.path}?${column}=${id}` };
    });
    return Promise.all(counts);
  }

  /** Returns what the object's page shows beside the fields. */
  async panel(row: Row): Promise<{ template: string; data: object } | undefined> {
    return this.resource.model.panel?.(row, this.#db.reads);
  }

  async #get(id: number | undefined, db: Queryable): Promise<Row> {
    if (id === undefined) throw notFound();
    const row = await selectOf(this.resource, db).where('t.id', '=', id).executeTakeFirst();
    if (!row) throw notFound();
    return row;
  }

  async #check(row: Row, columns: Row, errors: FieldErrors, id: number | undefined, db: Queryable): Promise<void> {
    for (const [name, target] of this.resource.references) {
      const reference = columns[`${name}_id`];
      if (reference === undefined || reference === null) continue;
      const found = await db.selectFrom(target.model.name).select('id').where('id', '=', reference).executeTakeFirst();
      if (!found) errors[name] = [`There is no ${target.model.label.toLowerCase()} ${reference}.`];
    }
    if (Object.keys(errors).length > 0) throw invalid(errors);
    const broken = (await this.resource.model.check?.(row, id, db)) ?? {};
    if (Object.keys(broken).length > 0) throw invalid(broken);
  }

  async #write<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    try {
      const result = await this.#db.write(work);
      await this.#cache.delete(['overview', 'choices'].map((name) => this.#key(name)));
      return result;
    } catch (error) {
      throw toConflict(this.resource, error);
    }
  }

  async #cached<T extends object>(name: string, read: () => Promise<T>): Promise<T> {
    const known = await this.#cache.get(this.#key(name));
    if (known !== undefined) return known as T;
    const value = await read();
    await this.#cache.set(this.#key(name), value);
    return value;
  }

  #key(name: string): string {
    return `${this.resource.model.name}:${name}`;
  }
}

/** Selects the rows of a resource with the display names of their references. */
function selectOf({ model, references }: Resource, db: Queryable): SelectQueryBuilder<Tables, string, Row> {
  let select: SelectQueryBuilder<Tables, string, Row> = db.selectFrom(`${model.name} as t`).selectAll('t');
  for (const [name, target] of references) {
    select = select
      .leftJoin(`${target.model.name} as ${name}`, `${name}.id`, `t.${name}_id`)
      .select(`${name}.${target.model.display} as ${displayColumn(name)}`);
  }
  return select;
}

function matching({ model }: Resource, query: ListQuery) {
  return (eb: ExpressionBuilder<Tables, string>): Expression<SqlBool> => {
    const all: Expression<SqlBool>[] = Object.entries(query.filters).map(([column, value]) =>
      eb(`t.${column}`, '=', value),
    );
    if (query.q !== '') {
      const pattern = `%${query.q.toLowerCase().replace(/[!%_]/g, '!$&')}%`;
      const like = (column: string): Expression<SqlBool> =>
        sql<SqlBool>`lower(${sql.ref(`t.${column}`)}) like ${pattern} escape '!'`;
      all.push(eb.or(model.search.map(like)));
    }
    return eb.and(all);
  };
}

function toConflict({ model }: Resource, error: unknown): unknown {
  const columns = uniqueViolation(error);
  if (columns) {
    const fields = model.fields.filter((field) => columns.includes(columnOf(field)));
    const together = fields.map((field) => field.label.toLowerCase()).join(' and ');
    const message = `A ${model.label.toLowerCase()} with this ${together} already exists.`;
    // For a combined constraint, report the last field: the rack's name, not its site.
    const name = fields.at(-1)?.name ?? model.display;
    return new RequestError(409, message, { [name]: [message] });
  }
  if (isForeignKeyViolation(error)) {
    return new RequestError(409, 'Another object that this one refers to, or that refers to it, has just changed.');
  }
  return error;
}

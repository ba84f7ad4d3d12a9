import type { Queryable, Row } from '../database/database.ts';

interface FieldBase {
  /** Name in the API and in forms. The column has the same name, with `_id` for a reference. */
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  /** Shown as a column of the list page. */
  readonly listed?: boolean;
}

/** One line of text. Optional ones are stored as an empty string. */
export interface TextField extends FieldBase {
  readonly type: 'text';
  readonly maxLength: number;
  readonly required?: boolean;
}

/**
 * Lower-case letters, digits, hyphens and underscores; made from another field when it is left out.
 */
interface SlugField extends FieldBase {
  readonly type: 'slug';
  readonly from: string;
}

export interface IntegerField extends FieldBase {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
  /** Without a default the field may be empty. */
  readonly default?: number;
}

export interface ChoiceField extends FieldBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}

/** A foreign key. */
export interface ReferenceField extends FieldBase {
  readonly type: 'reference';
  /** The name of the model referred to. */
  readonly to: string;
  readonly required?: boolean;
}

/**
 * A network (`10.0.0.0/24`, no host bits) or an address with its mask (`10.0.0.1/24`), IPv4 or
 * IPv6; required.
 */
export interface IpField extends FieldBase {
  readonly type: 'network' | 'address';
}

export type Field = TextField | SlugField | IntegerField | ChoiceField | ReferenceField | IpField;

/** Messages by field name. */
export type FieldErrors = Record<string, string[]>;

/** One kind of object. Routes, pages and statements are generated from it. */
export interface Model {
  /** Singular, in lower case; also the table's name. */
  readonly name: string;
  /** The path segment, such as `sites`. */
  readonly plural: string;
  readonly label: string;
  readonly pluralLabel: string;
  /** The field whose value names the object in links. */
  readonly display: string;
  /** The fields that the search covers. */
  readonly search: readonly string[];
  readonly fields: readonly Field[];
  /**
   * Rules across fields and objects, run inside the transaction of the write.
   * `row` is the whole row to be written, by column; `id` is undefined for a new object.
   */
  check?(row: Row, id: number | undefined, db: Queryable): Promise<FieldErrors>;
  /** Returns a template and its data, shown beside the fields on the object's page. */
  panel?(row: Row, db: Queryable): Promise<{ template: string; data: object }>;
}

/** A part of the application: models under one path segment. */
export interface App {
  readonly name: string;
  readonly label: string;
  readonly models: readonly Model[];
}

/** A model with its app, its paths and its resolved references. */
export interface Resource {
  readonly model: Model;
  readonly app: App;
  /** Path of the list page; the API's is the same under `/api`. */
  readonly path: string;
  /** The target of each reference field, by field name. */
  readonly references: ReadonlyMap<string, Resource>;
  /** The fields of other resources that refer to this one. */
  readonly referrers: readonly { readonly resource: Resource; readonly field: ReferenceField }[];
}

/**
 * Resolves the references among all apps' models.
 *
 * @throws Error when a reference leads nowhere, which is a mistake in the model definitions.
 */
export function resolveResources(apps: readonly App[]): Resource[] {
  const resources = apps.flatMap((app) =>
    app.models.map((model) => ({
      model,
      app,
      path: `/${app.name}/${model.plural}`,
      references: new Map<string, Resource>(),
      referrers: [] as { resource: Resource; field: ReferenceField }[],
    })),
  );
  const byName = new Map(resources.map((resource) => [resource.model.name, resource]));
  for (const resource of resources) {
    for (const field of resource.model.fields) {
      if (field.type !== 'reference') continue;
      const target = byName.get(field.to);
      if (!target) throw new Error(`${resource.model.name}.${field.name} refers to an unknown model "${field.to}"`);
      resource.references.set(field.name, target);
      target.referrers.push({ resource, field });
    }
  }
  return resources;
}

/** The column that stores a field. */
export function columnOf(field: Field): string {
  return field.type === 'reference' ? `${field.name}_id` : field.name;
}

/**
 * Returns the column to sort a field by. Addresses have a separate one, since their text does not
 * sort by number.
 */
export function orderColumnOf(field: Field): string {
  return field.type === 'network' || field.type === 'address' ? `${field.name}_order` : columnOf(field);
}

/** Returns a row's name for people. */
export function displayOf(model: Model, row: Row): string {
  return String(row[model.display]);
}

/** Parses an id from a path, a filter or a body; undefined if it is malformed. */
export function toId(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  return typeof value === 'string' && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
}

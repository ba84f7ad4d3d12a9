import type { SqlValue } from '../database/database.ts';
import { invalid } from './errors.ts';
import { columnOf, orderColumnOf, toId, type FieldErrors, type Model } from './model.ts';
import type { ListQuery } from './repository.ts';

/** A query string as Fastify parses it: a repeated parameter is an array. */
export type QueryString = Readonly<Record<string, string | string[] | undefined>>;

/** Most objects on one page. */
export const maxLimit = 1_000;

/**
 * Reads `limit`, `offset`, `q`, `ordering` (a field, with `-` before it for descending) and the
 * filters: choices by their name, references as `site` or `site_id`. Empty ones and those that the
 * model does not know are passed over.
 *
 * @throws RequestError 400 that names every parameter that can't be used
 */
export function parseListQuery(model: Model, query: QueryString, defaultLimit: number): ListQuery {
  const errors: FieldErrors = {};
  const parsed: ListQuery = {
    limit: Math.min(maxLimit, natural('limit', query, defaultLimit, 1, errors)),
    offset: natural('offset', query, 0, 0, errors),
    q: (last(query['q']) ?? '').trim().slice(0, 200),
    filters: filtersOf(model, query, errors),
    ordering: orderingOf(model, query, errors),
  };
  if (Object.keys(errors).length > 0) throw invalid(errors);
  return parsed;
}

/** Returns a parameter's value; the last one if it is repeated. */
export function last(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}

function natural(name: string, query: QueryString, fallback: number, min: number, errors: FieldErrors): number {
  const text = last(query[name]);
  if (!text) return fallback;
  if (/^\d{1,15}$/.test(text) && Number(text) >= min) return Number(text);
  errors[name] = [`Must be a whole number from ${min}.`];
  return fallback;
}

function filtersOf(model: Model, query: QueryString, errors: FieldErrors): Record<string, SqlValue> {
  const filters: Record<string, SqlValue> = {};
  for (const field of model.fields) {
    const column = columnOf(field);
    const name = query[column] === undefined ? field.name : column;
    const text = last(query[name]);
    if (!text) continue;
    if (field.type === 'reference') {
      const id = toId(text);
      if (id === undefined) errors[name] = ['Must be the id of an object.'];
      else filters[column] = id;
    } else if (field.type === 'choice') {
      if (field.choices.includes(text)) filters[column] = text;
      else errors[name] = [`Must be one of ${field.choices.join(', ')}.`];
    }
  }
  return filters;
}

function orderingOf(model: Model, query: QueryString, errors: FieldErrors): ListQuery['ordering'] {
  const text = last(query['ordering']);
  if (!text) return { column: 'id', descending: false };
  const descending = text.startsWith('-');
  const name = descending ? text.slice(1) : text;
  const field = model.fields.find((candidate) => candidate.name === name);
  if (name !== 'id' && !field) {
    errors['ordering'] = [`Must be id or one of ${model.fields.map((known) => known.name).join(', ')}.`];
  }
  return { column: field ? orderColumnOf(field) : 'id', descending };
}

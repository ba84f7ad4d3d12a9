import type { Row } from '../database/database.ts';
import { columnOf, type Field, type Resource } from './model.ts';
import { displayColumn } from './repository.ts';

/** One value on a page. */
export interface Cell {
  readonly text: string;
  /** Link target. */
  readonly href?: string;
  /** Style of the badge, for a choice. */
  readonly badge?: string;
}

/** Returns a field's value for a page: references as links, choices as badges. */
export function cellOf(resource: Resource, field: Field, row: Row): Cell {
  const value = row[columnOf(field)];
  if (value === null || value === undefined || value === '') return { text: '—' };
  const target = resource.references.get(field.name);
  if (target) return { text: String(row[displayColumn(field.name)]), href: `${target.path}/${value}` };
  return field.type === 'choice' ? { text: String(value), badge: String(value) } : { text: String(value) };
}

/** Returns a field's value for a list, where the object's name links to its page. */
export function listCellOf(resource: Resource, field: Field, row: Row): Cell {
  const cell = cellOf(resource, field, row);
  return field.name === resource.model.display ? { ...cell, href: `${resource.path}/${row['id']}` } : cell;
}

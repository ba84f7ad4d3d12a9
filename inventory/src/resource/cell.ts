import type { Row } from '../database/database.ts';
import { columnOf, type Field, type Resource } from './model.ts';
import { displayColumn } from './repository.ts';

/** How a page shows one value. */
export interface Cell {
  readonly text: string;
  /** Where a click on it leads. */
  readonly href?: string;
  /** Shown as a badge of this kind. */
  readonly badge?: string;
}

/** A field's value for people: references as links, choices as badges. */
export function cellOf(resource: Resource, field: Field, row: Row): Cell {
  const value = row[columnOf(field)];
  if (value === null || value === undefined || value === '') return { text: '—' };
  const target = resource.references.get(field.name);
  if (target) return { text: String(row[displayColumn(field.name)]), href: `${target.path}/${value}` };
  return field.type === 'choice' ? { text: String(value), badge: String(value) } : { text: String(value) };
}

/** The same in a list, where an object's own name leads to it. */
export function listCellOf(resource: Resource, field: Field, row: Row): Cell {
  const cell = cellOf(resource, field, row);
  return field.name === resource.model.display ? { ...cell, href: `${resource.path}/${row['id']}` } : cell;
}

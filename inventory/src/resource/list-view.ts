import type { Row } from '../database/database.ts';
import { listCellOf, type Cell } from './cell.ts';
import { orderColumnOf, type Resource } from './model.ts';
import { displayColumn, type ListQuery } from './repository.ts';

interface Column {
  readonly label: string;
  /** Link to the same list sorted by this column. */
  readonly href: string;
  readonly sorted: 'ascending' | 'descending' | 'none';
}

interface Filter {
  readonly name: string;
  readonly label: string;
  readonly options: readonly { readonly value: string; readonly selected: boolean }[];
}

/** The data of the list template. */
export interface ListView {
  readonly title: string;
  readonly resource: Resource;
  readonly columns: readonly Column[];
  readonly rows: readonly Cell[][];
  readonly count: number;
  /** Numbers of the first and last row shown, from 1. */
  readonly first: number;
  readonly last: number;
  readonly q: string;
  readonly ordering: string;
  readonly filters: readonly Filter[];
  /** Active filters by reference, each with a link that removes it. */
  readonly references: readonly {
    readonly name: string;
    readonly label: string;
    readonly id: string;
    readonly text: string;
    readonly without: string;
  }[];
  readonly pages: readonly { readonly label: string; readonly href: string | undefined; readonly current: boolean }[];
}

/** Builds the list page of a resource for one query. */
export function listView(
  resource: Resource,
  url: string,
  query: ListQuery,
  count: number,
  rows: readonly Row[],
): ListView {
  const { model, path } = resource;
  const listed = model.fields.filter((field) => field.listed);
  const present = new URLSearchParams(url.split('?', 2)[1]);
  const hrefWith = (changes: Record<string, string | undefined>): string => {
    const parameters = new URLSearchParams(present);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) parameters.delete(name);
      else parameters.set(name, value);
    }
    return parameters.size > 0 ? `${path}?${parameters.toString()}` : path;
  };
  const { column: sortedBy, descending } = query.ordering;

  return {
    title: model.pluralLabel,
    resource,
    columns: listed.map((field) => {
      const sorted = sortedBy !== orderColumnOf(field) ? 'none' : descending ? 'descending' : 'ascending';
      const ordering = sorted === 'ascending' ? `-${field.name}` : field.name;
      return { label: field.label, href: hrefWith({ ordering, offset: undefined }), sorted };
    }),
    rows: rows.map((row) => listed.map((field) => listCellOf(resource, field, row))),
    count,
    first: rows.length > 0 ? query.offset + 1 : 0,
    last: rows.length > 0 ? query.offset + rows.length : 0,
    q: query.q,
    ordering: present.get('ordering') ?? '',
    filters: model.fields.flatMap((field) => {
      if (field.type !== 'choice') return [];
      const options = field.choices.map((value) => ({ value, selected: query.filters[field.name] === value }));
      return [{ name: field.name, label: field.label, options }];
    }),
    references: [...resource.references].flatMap(([name, target]) => {
      const id = query.filters[`${name}_id`];
      if (id === undefined) return [];
      const shown = rows[0]?.[displayColumn(name)];
      const without = hrefWith({ [name]: undefined, [`${name}_id`]: undefined, offset: undefined });
      return [
        { name: `${name}_id`, label: target.model.label, id: String(id), text: String(shown ?? `#${id}`), without },
      ];
    }),
    pages: pagesOf(count, query, (offset) => hrefWith({ offset: offset === 0 ? undefined : String(offset) })),
  };
}

/** Returns links to the first, the last and the neighbouring pages; a gap has no link. */
function pagesOf(count: number, { limit, offset }: ListQuery, hrefAt: (offset: number) => string): ListView['pages'] {
  const lastPage = Math.max(1, Math.ceil(count / limit));
  const current = Math.floor(offset / limit) + 1;
  const numbers = new Set([1, current - 2, current - 1, current, current + 1, current + 2, lastPage]);
  const shown = [...numbers].filter((number) => number >= 1 && number <= lastPage).toSorted((a, b) => a - b);
  return shown.flatMap((number, index) => {
    const page = { label: String(number), href: hrefAt((number - 1) * limit), current: number === current };
    const gap = index > 0 && number > shown[index - 1]! + 1;
    return gap ? [{ label: '…', href: undefined, current: false }, page] : [page];
  });
}

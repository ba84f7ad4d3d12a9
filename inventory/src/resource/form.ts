import type { Row } from '../database/database.ts';
import { last, type QueryString } from './list-query.ts';
import { columnOf, displayOf, type Field, type FieldErrors, type Resource } from './model.ts';
import type { Repository } from './repository.ts';

/** Above this many objects a reference is entered as an id, not chosen from a list. */
const maxOptions = 3_000;

/** One field of the form template. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly help: string | undefined;
  readonly required: boolean;
  readonly value: string;
  readonly errors: readonly string[];
  /** The choices of a list; undefined for a text input. */
  readonly options: readonly { readonly value: string; readonly label: string }[] | undefined;
  readonly numeric: boolean;
  readonly maxLength: number | undefined;
}

/** Builds a form's fields from the input, else from the object, else from the defaults. */
export async function formFields(
  resource: Resource,
  repositories: ReadonlyMap<Resource, Repository>,
  row: Row,
  input: QueryString,
  errors: FieldErrors,
): Promise<FormField[]> {
  return Promise.all(
    resource.model.fields.map(async (field) => {
      const fallback = row[columnOf(field)] ?? ('default' in field ? field.default : '') ?? '';
      return {
        name: field.name,
        label: field.label,
        help: field.help,
        required: isRequired(field),
        value: last(input[field.name] ?? input[columnOf(field)]) ?? String(fallback),
        errors: errors[field.name] ?? [],
        options: await optionsOf(field, resource, repositories),
        numeric: field.type === 'integer' || field.type === 'reference',
        maxLength: field.type === 'text' ? field.maxLength : undefined,
      };
    }),
  );
}

function isRequired(field: Field): boolean {
  return field.type === 'network' || field.type === 'address' || ('required' in field && field.required === true);
}

async function optionsOf(
  field: Field,
  resource: Resource,
  repositories: ReadonlyMap<Resource, Repository>,
): Promise<FormField['options']> {
  if (field.type === 'choice') return field.choices.map((value) => ({ value, label: value }));
  const target = resource.references.get(field.name);
  if (!target) return undefined;
  const { count, rows } = (await repositories.get(target)?.choices(maxOptions)) ?? { count: 0, rows: [] };
  if (count > maxOptions) return undefined;
  const options = rows.map((row) => ({ value: String(row['id']), label: displayOf(target.model, row) }));
  return isRequired(field) ? options : [{ value: '', label: '—' }, ...options];
}

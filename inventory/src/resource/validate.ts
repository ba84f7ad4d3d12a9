import type { SqlValue } from '../database/database.ts';
import { parseCidr } from './ip.ts';
import {
  columnOf,
  orderColumnOf,
  toId,
  type ChoiceField,
  type Field,
  type FieldErrors,
  type IntegerField,
  type IpField,
  type Model,
  type ReferenceField,
  type TextField,
} from './model.ts';

/** The result of a validation: the columns to write, or the errors by field. */
export interface Validated {
  readonly columns: Record<string, SqlValue>;
  readonly errors: FieldErrors;
}

type Input = Record<string, unknown>;

/** One field's value, or the error. */
type Cleaned = { readonly value: SqlValue; readonly order?: string } | { readonly error: string };

/**
 * Validates input against a model's fields. Unknown fields are ignored, so that a client can send
 * back an object that it received. Accepts the strings of a form and the numbers of JSON.
 *
 * @param partial - leave fields alone that the input does not name, instead of giving them their
 * defaults
 */
export function validate(model: Model, input: Input, partial: boolean): Validated {
  const columns: Record<string, SqlValue> = {};
  const errors: FieldErrors = {};
  for (const field of model.fields) {
    const given = inputOf(field, input);
    if (partial && given === undefined) continue;
    // An invalid name yields no slug; one message is enough.
    if (field.type === 'slug' && !given && errors[field.from]) continue;
    const cleaned = clean(field, given, input);
    if ('error' in cleaned) {
      errors[field.name] = [cleaned.error];
      continue;
    }
    columns[columnOf(field)] = cleaned.value;
    if (cleaned.order !== undefined) columns[orderColumnOf(field)] = cleaned.order;
  }
  return { columns, errors };
}

/**
 * A reference may be given as `site` or `site_id`, and as an id or as the object that the API
 * shows.
 */
function inputOf(field: Field, input: Input): unknown {
  const name = Object.hasOwn(input, field.name) ? field.name : columnOf(field);
  const given = Object.hasOwn(input, name) ? input[name] : undefined;
  const nested = field.type === 'reference' && typeof given === 'object' && given !== null && 'id' in given;
  return nested ? given.id : given;
}

function clean(field: Field, given: unknown, input: Input): Cleaned {
  const empty = given === undefined || given === null || given === '';
  switch (field.type) {
    case 'text':
      return cleanText(field, empty ? '' : given);
    case 'slug':
      return cleanSlug(empty ? slugify(input[field.from]) : given);
    case 'integer':
      return empty ? { value: field.default ?? null } : cleanInteger(field, given);
    case 'choice':
      return cleanChoice(field, empty ? field.default : given);
    case 'reference':
      return empty ? emptyReference(field) : cleanReference(given);
    case 'network':
    case 'address':
      return empty ? { error: 'This field is required.' } : cleanIp(field, given);
  }
}

function cleanText(field: TextField, given: unknown): Cleaned {
  if (typeof given !== 'string') return { error: 'Must be a string.' };
  const value = given.trim();
  if (field.required && value === '') return { error: 'This field is required.' };
  if (value.length > field.maxLength) return { error: `Must have at most ${field.maxLength} characters.` };
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return { error: 'Control characters and broken surrogates are not allowed.' };
  return { value };
}

function cleanSlug(given: unknown): Cleaned {
  if (typeof given === 'string' && /^[a-z0-9_-]{1,100}$/.test(given)) return { value: given };
  return { error: 'Must be 1 to 100 lower-case letters, digits, hyphens or underscores.' };
}

function slugify(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 100);
}

function cleanInteger(field: IntegerField, given: unknown): Cleaned {
  const value = typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return { error: 'Must be a whole number.' };
  if (value < field.min || value > field.max) return { error: `Must be from ${field.min} to ${field.max}.` };
  return { value };
}

function cleanChoice(field: ChoiceField, given: unknown): Cleaned {
  if (typeof given === 'string' && field.choices.includes(given)) return { value: given };
  return { error: `Must be one of ${field.choices.join(', ')}.` };
}

function emptyReference(field: ReferenceField): Cleaned {
  return field.required ? { error: 'This field is required.' } : { value: null };
}

function cleanReference(given: unknown): Cleaned {
  const value = toId(given);
  return value === undefined ? { error: 'Must be the id of an object.' } : { value };
}

function cleanIp(field: IpField, given: unknown): Cleaned {
  const cidr = typeof given === 'string' ? parseCidr(given.trim()) : undefined;
  if (!cidr) {
    const example = field.type === 'network' ? '10.0.0.0/24 or 2001:db8::/64' : '10.0.0.1/24 or 2001:db8::1/64';
    return { error: `Must be an IPv4 or IPv6 ${field.type} with its prefix length, such as ${example}.` };
  }
  if (field.type === 'network' && cidr.text !== cidr.network) {
    return { error: `Has host bits set; the network is ${cidr.network}.` };
  }
  return { value: cidr.text, order: cidr.order };
}

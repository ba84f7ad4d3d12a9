import { join } from 'node:path';
import { closestName } from '../settings/closest-name.ts';

/** A problem with the file, and its place. */
export class Problem extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** Reads one value. @throws Problem */
export type Field = (value: unknown, at: string) => unknown;

/** The fields of a section. */
export type Fields = Readonly<Record<string, Field>>;

/**
 * Reads a mapping with known keys. Adds its errors to `problems`. A key without a value counts as
 * absent, as in the toolkit.
 */
export function section(
  value: unknown,
  at: string,
  problems: string[],
  fields: Fields,
): Readonly<Record<string, unknown>> {
  if (value === null) return {};
  if (!isMapping(value)) {
    problems.push(`${at || 'the file'}: has to be a mapping of names to values`);
    return {};
  }
  const read: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const where = at === '' ? name : `${at}.${name}`;
    if (!Object.hasOwn(fields, name)) {
      const nearest = closestName(name, Object.keys(fields));
      problems.push(`${where}: is unknown${nearest === undefined ? '' : ` (did you mean ${nearest}?)`}`);
    } else if (inner !== null) {
      try {
        read[name] = fields[name]!(inner, where);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problems.push(...error.problems);
      }
    }
  }
  return read;
}

export const text: Field = (value, at) => {
  if (typeof value !== 'string') throw new Problem([`${at}: has to be a text; put it in quotes`]);
  return value;
};

export const boolean: Field = (value, at) => {
  if (typeof value !== 'boolean') throw new Problem([`${at}: has to be true or false`]);
  return value;
};

export const integer: Field = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Problem([`${at}: has to be a whole number`]);
  return value;
};

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** Reads a duration in Go's notation (`1s`, `1m30s`, `250ms`). Returns milliseconds. */
export const duration: Field = (value, at) => {
  const parts = [...String(value).matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (value === 0 || value === '0') return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== value) {
    throw new Problem([`${at}: has to be a time such as 1s or 250ms`]);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit!]!, 0);
};

/** Reads the path of a file; relative paths begin at `folder`. */
export function fileIn(folder: string): Field {
  return (value, at) => {
    const path = text(value, at) as string;
    return path === '' || path.startsWith('/') ? path : join(folder, path);
  };
}

/** Reads one of the words, and returns its meaning. */
export function oneOf(words: Readonly<Record<string, string>>): Field {
  return (value, at) => {
    if (typeof value === 'string' && Object.hasOwn(words, value)) return words[value];
    const known = Object.keys(words).filter((word) => word !== '');
    throw new Problem([`${at}: has to be one of ${known.join(', ')}`]);
  };
}

export function list(item: Field): Field {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Problem([`${at}: has to be a list`]);
    return value.map((one, i) => item(one, `${at}[${i}]`));
  };
}

/** Reads a mapping with any names. */
export function map(item: Field): Field {
  return (value, at) => {
    if (!isMapping(value)) throw new Problem([`${at}: has to be a mapping of names to values`]);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, item(one, `${at}.${name}`)]));
  };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

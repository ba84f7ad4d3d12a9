import { isIP } from 'node:net';
import { parseToken, type TokenDigest } from './token-digest.ts';

/**
 * Says why a setting's value is wrong, and what to write instead. `resolveSettings` catches it and
 * adds the setting's name. Messages of secret settings must not repeat the value.
 */
export class InvalidValue extends Error {}

/**
 * Reads a setting's value: trimmed, non-empty text from the environment, or an option's value as it
 * is.
 */
export type ValueParser<T> = (value: unknown) => T;

const booleans = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

/** true, 1, yes, on and their opposites, in any case. */
export function parseBoolean(value: unknown): boolean {
  const parsed = booleans.get(String(value).toLowerCase());
  if (parsed === undefined) throw new InvalidValue(`${shown(value)} is neither true nor false; use true or false`);
  return parsed;
}

/** A TCP port, as a number or in decimal digits. */
export function parsePort(value: unknown): number {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidValue(`${shown(value)} is not a port; use a whole number from 1 to 65535`);
  }
  return port;
}

/** An address or host name without scheme and port; brackets around IPv6 are taken off. */
export function parseHost(value: unknown): string {
  const host = typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : '';
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(host)) {
    throw new InvalidValue(
      `${shown(value)} is not an address; use one without scheme and port, such as 127.0.0.1, 0.0.0.0 or ::`,
    );
  }
  return host;
}

/** An absolute URL path of literal segments; one trailing slash is taken off. */
export function parsePath(value: unknown): string {
  const path = typeof value === 'string' ? value : '';
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  const literal = segments.every((segment) => /^[\w.~-]+$/.test(segment) && !/^\.\.?$/.test(segment));
  if (!path.startsWith('/') || (path !== '/' && !literal)) {
    throw new InvalidValue(
      `${shown(value)} is not a path; begin with a slash and use letters, digits, . _ ~ and - only, such as /metrics`,
    );
  }
  return `/${segments.join('/')}`;
}

/** A comma list, or an array; blanks around entries are trimmed, empty entries left out. */
export function parseList(value: unknown): readonly string[] {
  const entries = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === 'string')) {
    throw new InvalidValue('is not a list of strings; separate entries with commas');
  }
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
}

/** A list of tokens, kept as digests. */
export function parseTokens(value: unknown): readonly TokenDigest[] {
  return parseList(value).map((entry, index) => {
    const token = parseToken(entry);
    if (typeof token === 'string') {
      throw new InvalidValue(
        `entry ${index + 1} ${token}; use a plain token, or sha256: and the digest in hexadecimal`,
      );
    }
    return token;
  });
}

/** The prefix of family names, without the underscore that follows it. */
export function parseNamespace(value: unknown): string {
  if (typeof value !== 'string' || !/^[a-zA-Z][a-zA-Z0-9_]*$/.test(value)) {
    throw new InvalidValue(
      `${shown(value)} can't begin a metric's name; use letters, digits and underscores, a letter first, such as netbox`,
    );
  }
  return value.replace(/_+$/, '');
}

/** The role of a process, part of its slot's name. */
export function parseRole(value: unknown): string {
  if (typeof value !== 'string' || !/^[a-z0-9_]+$/.test(value)) {
    throw new InvalidValue(
      `${shown(value)} is not a role; use small letters, digits and underscores, such as web or worker`,
    );
  }
  return value;
}

/** Whether old values are kept. */
export function parseColdStart(value: unknown): 'keep' | 'reset' {
  if (value === 'keep' || value === 'reset') return value;
  throw new InvalidValue(`${shown(value)} is neither keep nor reset; use one of them`);
}

/** A header that says by which scheme the client came, and the value that means https. */
export interface SchemeHeader {
  /** In small letters. */
  readonly name: string;
  /** In small letters. */
  readonly value: string;
}

/** A header's name and the value that means https, as `x-forwarded-proto: https`. */
export function parseSchemeHeader(value: unknown): SchemeHeader {
  const [, name, secure] = (typeof value === 'string' && /^([\w!#$%&'*+.^`|~-]+)\s*:\s*(\S+)$/.exec(value)) || [];
  if (name === undefined || secure === undefined) {
    throw new InvalidValue(
      `${shown(value)} is not a header with its value for https; use both, such as x-forwarded-proto: https`,
    );
  }
  return { name: name.toLowerCase(), value: secure.toLowerCase() };
}

/** Whose families are exposed beside our own. */
export function parseCompat(value: unknown): 'django' {
  if (value === 'django') return value;
  throw new InvalidValue(`${shown(value)} is not known; use django, or leave it unset`);
}

/** The path of a file or a directory. */
export function parseFilePath(value: unknown): string {
  if (typeof value !== 'string' || value.includes('\0')) {
    throw new InvalidValue(`${shown(value)} is not a path in the file system; use a string without NUL characters`);
  }
  return value;
}

/** A value for a message: quoted, and not too long to read. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

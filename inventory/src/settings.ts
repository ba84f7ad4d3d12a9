import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatabaseLocation } from './database/database.ts';

/** Default database file; git ignores its folder. */
const defaultDatabaseFile = fileURLToPath(new URL('../.data/inventory.sqlite', import.meta.url));

/** Settings that all processes of the application share. */
export interface Settings {
  readonly host: string;
  /** 0 lets the system choose a free port. */
  readonly port: number;
  readonly webProcesses: number;
  /** The token that writes through the API need. */
  readonly token: string;
  /** The password of the user `admin`. */
  readonly password: string;
  /**
   * The password of the user `guest`, who may neither write nor read metrics. Without it that user
   * does not exist.
   */
  readonly guestPassword: string | undefined;
  /** The key that signs session cookies; the same in all processes. */
  readonly secret: string;
  readonly database: DatabaseLocation;
  /** Redis for cache and jobs. Without it both live in the web processes. */
  readonly redis: string | undefined;
  /** Number of job workers; 0 without Redis. */
  readonly jobWorkers: number;
}

/** An invalid setting. The message names it and says what to do. */
export class SettingError extends Error {
  constructor(name: string, problem: string) {
    super(`${name} ${problem}`);
    this.name = 'SettingError';
  }
}

/**
 * Reads the settings from the environment; an empty variable counts as unset.
 *
 * @throws SettingError for the first value that can't be used.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    host: env['HOST'] || '127.0.0.1',
    port: integer(env, 'PORT', 8080, 0, 65_535),
    webProcesses: integer(env, 'WEB_PROCESSES', 2, 1, 64),
    token: visible(env, 'INVENTORY_TOKEN') ?? randomBytes(20).toString('hex'),
    password: env['INVENTORY_PASSWORD'] || randomBytes(9).toString('base64url'),
    guestPassword: env['INVENTORY_GUEST_PASSWORD'] || undefined,
    secret: env['INVENTORY_SECRET'] || randomBytes(32).toString('base64url'),
    database: databaseLocation(env),
    redis: redisUrl(env),
    jobWorkers: env['REDIS_URL'] ? integer(env, 'JOB_WORKERS', 1, 0, 64) : 0,
  };
}

/** Returns the environment from which a worker's {@link readSettings} reads the same settings. */
export function toEnvironment(settings: Settings): Record<string, string> {
  const { database } = settings;
  return {
    HOST: settings.host,
    PORT: String(settings.port),
    WEB_PROCESSES: String(settings.webProcesses),
    INVENTORY_TOKEN: settings.token,
    INVENTORY_PASSWORD: settings.password,
    INVENTORY_SECRET: settings.secret,
    ...(settings.guestPassword === undefined ? {} : { INVENTORY_GUEST_PASSWORD: settings.guestPassword }),
    DATABASE_URL: database.system === 'sqlite' ? `file:${database.file}` : database.url,
    ...(settings.redis === undefined ? {} : { REDIS_URL: settings.redis, JOB_WORKERS: String(settings.jobWorkers) }),
  };
}

/** Returns the origin of a host and port. */
export function originOf(host: string, port: number | string): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function integer(env: NodeJS.ProcessEnv, name: string, fallback: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new SettingError(name, `must be a whole number from ${min} to ${max}, got "${text}"; try ${name}=${fallback}`);
}

function visible(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new SettingError(name, 'must be visible ASCII characters without blanks, for it is sent in a header');
}

const servers: Readonly<Record<string, 'postgresql' | 'mysql'>> = {
  'postgres:': 'postgresql',
  'postgresql:': 'postgresql',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
};

function databaseLocation(env: NodeJS.ProcessEnv): DatabaseLocation {
  const url = env['DATABASE_URL'];
  if (!url) return { system: 'sqlite', file: defaultDatabaseFile };
  // The message repeats only the scheme: the rest of the URL may hold a password.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase() ?? 'no scheme';
  const system = servers[scheme];
  if (system !== undefined) return { system, url: serverUrl(url) };
  if (scheme !== 'file:') {
    const known = 'file:<path> (SQLite), postgres://... or mysql://...';
    throw new SettingError('DATABASE_URL', `must be ${known}, got ${scheme}; try file:./inventory.sqlite`);
  }
  const path = url.startsWith('file://') ? pathOf(url) : url.slice('file:'.length);
  if (!path || path.includes('?') || path === ':memory:') {
    throw new SettingError('DATABASE_URL', 'must name a file that all processes can open; try file:./inventory.sqlite');
  }
  return { system: 'sqlite', file: resolve(path) };
}

function redisUrl(env: NodeJS.ProcessEnv): string | undefined {
  const url = env['REDIS_URL'];
  if (!url) return undefined;
  if (/^rediss?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) return url;
  throw new SettingError('REDIS_URL', 'must begin with redis:// or rediss://; try redis://127.0.0.1:6379');
}

/** The driver only accepts mysql:. */
function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || url.pathname.length < 2) {
    const example = 'try postgres://user:password@127.0.0.1:5432/inventory';
    throw new SettingError('DATABASE_URL', `must name a host and a database; ${example}`);
  }
  return text.replace(/^mariadb:/i, 'mysql:');
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw new SettingError('DATABASE_URL', 'is not a valid file URL; try file:/absolute/path/inventory.sqlite');
  }
}

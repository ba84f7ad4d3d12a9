import { MetricsError } from '../errors.ts';
import { closestName } from './closest-name.ts';
import {
  InvalidValue,
  parseBoolean,
  parseFilePath,
  parseHost,
  parseList,
  parseNamespace,
  parsePath,
  parsePort,
  parseColdStart,
  parseCompat,
  parseRole,
  parseTokens,
  type ValueParser,
} from './values.ts';
import type { TokenDigest } from './token-digest.ts';

/**
 * The settings as options in code; each wins over its environment variable.
 * `docs/guide/settings.md` describes them.
 */
export interface SettingsOptions {
  /** METRICS_ENABLED. @default false */
  readonly enabled?: boolean | undefined;
  /** METRICS_PATH: served with and without a trailing slash. @default '/metrics' */
  readonly path?: string | undefined;
  /** METRICS_HOST: the address that the listener on `port` binds. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * METRICS_PORT: a listener of its own; the application's port then doesn't serve metrics.
   * @default none
   */
  readonly port?: number | undefined;
  /** METRICS_AUTHENTICATION: ask for a token or a session. @default false */
  readonly authentication?: boolean | undefined;
  /** METRICS_TOKENS: plain, or `sha256:` and the digest in hexadecimal. @default none */
  readonly tokens?: readonly string[] | undefined;
  /**
   * METRICS_TOKENS_FILE: one token a line, `#` begins a comment; read again when it changes.
   * @default none
   */
  readonly tokensFile?: string | undefined;
  /** METRICS_DISABLED_APPS. @default none */
  readonly disabledApps?: readonly string[] | undefined;
  /** METRICS_NAMESPACE: prefix of every family that instrumentation defines. @default none */
  readonly namespace?: string | undefined;
  /** METRICS_COMPAT: also expose the families of django-prometheus. @default none */
  readonly compat?: 'django' | undefined;
  /** PROMETHEUS_MULTIPROC_DIR: the directory that processes share. @default none */
  readonly multiprocDir?: string | undefined;
  /** METRICS_ROLE: what this process is, such as `web` or `worker`. @default none */
  readonly role?: string | undefined;
  /**
   * METRICS_ON_COLD_START: what becomes of the directory's values when no other process lives.
   * @default 'keep'
   */
  readonly onColdStart?: 'keep' | 'reset' | undefined;
}

/** Settings that have been read and found valid. Holds no secret: tokens are digests. */
export interface Settings {
  readonly enabled: boolean;
  /** Begins with a slash and ends with none, unless it is `/`. */
  readonly path: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly authentication: boolean;
  readonly tokens: readonly TokenDigest[];
  readonly tokensFile: string | undefined;
  readonly disabledApps: readonly string[];
  /** Without the underscore that follows it; `''` for none. */
  readonly namespace: string;
  readonly compat: 'django' | undefined;
  readonly multiprocDir: string | undefined;
  readonly role: string | undefined;
  readonly onColdStart: 'keep' | 'reset';
}

/** One row of the table below. */
export interface Setting<T> {
  /** The environment variable, then other spellings of it that are accepted. */
  readonly variables: readonly [string, ...string[]];
  readonly default: T;
  readonly parse: ValueParser<T>;
  /** For the documentation's table, which a test compares with this one. */
  readonly meaning: string;
}

/** Every setting there is, by the name of its option. */
export const settingsTable: { readonly [Option in keyof Settings]: Setting<Settings[Option]> } = {
  enabled: {
    variables: ['METRICS_ENABLED'],
    default: false,
    parse: parseBoolean,
    meaning: 'Turns metrics on. Off: no route, no hooks, no cost.',
  },
  path: {
    variables: ['METRICS_PATH'],
    default: '/metrics',
    parse: parsePath,
    meaning: 'Where the page is, with or without a trailing slash, never a redirect.',
  },
  host: {
    variables: ['METRICS_HOST'],
    default: '127.0.0.1',
    parse: parseHost,
    meaning: 'The address that the listener on `METRICS_PORT` binds; `0.0.0.0` or `::` for all.',
  },
  port: {
    variables: ['METRICS_PORT'],
    default: undefined,
    parse: parsePort,
    meaning: "A listener of metrics' own; the application's port then doesn't serve them.",
  },
  authentication: {
    variables: ['METRICS_AUTHENTICATION', 'METRICS_AUTHENTICATED'],
    default: false,
    parse: parseBoolean,
    meaning: 'Asks for a token or for a session that the application knows.',
  },
  tokens: {
    variables: ['METRICS_TOKENS'],
    default: [],
    parse: parseTokens,
    meaning: 'Comma list of scrape tokens, plain or `sha256:` and the digest in hexadecimal.',
  },
  tokensFile: {
    variables: ['METRICS_TOKENS_FILE'],
    default: undefined,
    parse: parseFilePath,
    meaning: 'A file of tokens, one a line, `#` begins a comment; read again when it changes.',
  },
  disabledApps: {
    variables: ['METRICS_DISABLED_APPS'],
    default: [],
    parse: parseList,
    meaning: 'Comma list of apps whose collectors are left out.',
  },
  namespace: {
    variables: ['METRICS_NAMESPACE'],
    default: '',
    parse: parseNamespace,
    meaning: 'Prefix of every family that instrumentation defines, but `process_*` and `nodejs_*`.',
  },
  compat: {
    variables: ['METRICS_COMPAT'],
    default: undefined,
    parse: parseCompat,
    meaning:
      '`django`: also expose the families of django-prometheus, under their exact names; see [Django](django.md).',
  },
  multiprocDir: {
    variables: ['PROMETHEUS_MULTIPROC_DIR', 'prometheus_multiproc_dir'],
    default: undefined,
    parse: parseFilePath,
    meaning: 'The directory whose processes are counted together.',
  },
  role: {
    variables: ['METRICS_ROLE'],
    default: undefined,
    parse: parseRole,
    meaning:
      'What this process is, a label of `metrics_processes`; unset, it is `primary`, `worker` or `thread` where it is one, else `app`.',
  },
  onColdStart: {
    variables: ['METRICS_ON_COLD_START'],
    default: 'keep',
    parse: parseColdStart,
    meaning: 'What becomes of the values in the directory when a process starts and no other lives: `keep` or `reset`.',
  },
};

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings: from `options`, else from the environment, else their defaults. Blanks around
 * a value are trimmed; an empty one counts as unset.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING that lists everything wrong at once: unknown
 *   `METRICS_*` variables and options, malformed or contradictory values, each with its fix. It
 *   never repeats a secret.
 */
export function resolveSettings(options: SettingsOptions = {}, environment: Environment = process.env): Settings {
  const problems = [...unknownOptions(options), ...unknownVariables(environment)];
  const settings: Record<string, unknown> = {};
  const given = new Set<string>();
  for (const [option, setting] of Object.entries(settingsTable)) {
    const values = valuesOf(option, setting, options, environment, problems);
    if (values.length > 0) given.add(option);
    settings[option] = values.length > 0 ? values[0]!.value : setting.default;
    const other = values.find(({ value }) => String(value) !== String(values[0]!.value));
    if (other !== undefined) problems.push(`${other.name} contradicts ${values[0]!.name}; set one of them`);
  }
  if (given.has('host') && !given.has('port')) {
    problems.push('METRICS_HOST has no meaning without METRICS_PORT; set both, or neither');
  }
  if (problems.length > 0) {
    throw new MetricsError('ERR_METRICS_INVALID_SETTING', `Invalid metrics settings: ${problems.join('. ')}.`);
  }
  return Object.freeze(settings) as unknown as Settings;
}

/** What one setting is given: its option alone, else every spelling of its variable that is set. */
function valuesOf(
  option: string,
  setting: Setting<unknown>,
  options: SettingsOptions,
  environment: Environment,
  problems: string[],
): { name: string; value: unknown }[] {
  const fromOption = trimmed(options[option as keyof SettingsOptions]);
  const sources =
    fromOption === undefined
      ? setting.variables.map((name) => ({ name, raw: trimmed(environment[name]) }))
      : [{ name: `option ${option} (${setting.variables[0]})`, raw: fromOption }];
  return sources.flatMap(({ name, raw }) => {
    if (raw === undefined) return [];
    try {
      return [{ name, value: setting.parse(raw) }];
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      problems.push(`${name}: ${error.message}`);
      return [];
    }
  });
}

function trimmed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  return text === '' ? undefined : text;
}

function unknownOptions(options: SettingsOptions): string[] {
  const known = Object.keys(settingsTable);
  return Object.keys(options)
    .filter((option) => !known.includes(option))
    .map((option) => `there is no option ${option}${suggestion(closestName(option, known))}`);
}

function unknownVariables(environment: Environment): string[] {
  const known = Object.values(settingsTable).flatMap((setting) => setting.variables);
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith('METRICS_') || known.includes(name)) return [];
    return [`there is no setting ${name}${suggestion(closestName(name, known))}`];
  });
}

function suggestion(name: string | undefined): string {
  return name === undefined ? '; remove it, docs/guide/settings.md lists all' : ` (did you mean ${name}?)`;
}

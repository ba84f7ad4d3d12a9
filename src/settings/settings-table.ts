import type { TokenDigest } from './token-digest.ts';
import {
  parseBoolean,
  parseColdStart,
  parseCompat,
  parseFilePath,
  parseHost,
  parseList,
  parseNamespace,
  parsePath,
  parsePort,
  parseRole,
  parseSchemeHeader,
  parseTokens,
  type SchemeHeader,
  type ValueParser,
} from './values.ts';

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
   * METRICS_PORT: a listener for metrics alone; the application's port then doesn't serve them.
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
   * METRICS_ON_COLD_START: whether a process that starts while no other lives keeps the directory's
   * values.
   * @default 'keep'
   */
  readonly onColdStart?: 'keep' | 'reset' | undefined;
  /**
   * METRICS_SCHEME_HEADER: the request header, and its value for https, by which a trusted proxy
   * says that its client came by https: `x-forwarded-proto: https`. The proxy must remove what
   * clients send under that name.
   * @default none
   */
  readonly schemeHeader?: string | undefined;
}

/** Valid settings. They hold no secret: tokens are digests. */
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
  /** In small letters. */
  readonly schemeHeader: SchemeHeader | undefined;
}

/** One row of the table below. */
export interface Setting<T> {
  /** The environment variable, then other accepted spellings. `spellingsOf` adds PROMENADE_*. */
  readonly variables: readonly [string, ...string[]];
  readonly default: T;
  readonly parse: ValueParser<T>;
  /** For the documentation's table, which a test compares with this one. */
  readonly meaning: string;
}

/** All settings, by option. */
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
    meaning: "A listener for metrics alone; the application's port then doesn't serve them.",
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
      'The role of this process, a label of `metrics_processes`; unset, it is `primary` or `worker` in a cluster, else `app`. Threads always have the role `thread`.',
  },
  onColdStart: {
    variables: ['METRICS_ON_COLD_START'],
    default: 'keep',
    parse: parseColdStart,
    meaning: 'Whether a process that starts while no other lives keeps the values in the directory: `keep` or `reset`.',
  },
  schemeHeader: {
    variables: ['METRICS_SCHEME_HEADER'],
    default: undefined,
    parse: parseSchemeHeader,
    meaning:
      'The header, and its value for https, by which a trusted proxy says that its client came by https: `x-forwarded-proto: https`.',
  },
};

/**
 * Returns the variables of a setting, the one that wins first: `PROMENADE_X`, which no other
 * program uses, then `METRICS_X` and its other spellings.
 */
export function spellingsOf(setting: Setting<unknown>): readonly [string, ...string[]] {
  const [first] = setting.variables;
  return [`PROMENADE_${first.slice(first.indexOf('_') + 1)}`, ...setting.variables];
}

import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import {
  boolean,
  duration,
  type Fields,
  fileIn,
  integer,
  list,
  map,
  oneOf,
  Problem,
  section,
  text,
} from './web-config-fields.ts';

/**
 * The web configuration file that exporters share:
 * https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
 */
export interface WebConfig {
  readonly tls: TlsConfig | undefined;
  readonly http2: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Bcrypt hashes of passwords by user name; empty for no authentication. */
  readonly users: ReadonlyMap<string, string>;
  readonly rateLimit: { readonly intervalMs: number; readonly burst: number } | undefined;
}

/** The section `tls_server_config`, with absolute paths. */
export interface TlsConfig {
  readonly cert?: string;
  readonly cert_file?: string;
  readonly key?: string;
  readonly key_file?: string;
  readonly client_ca?: string;
  readonly client_ca_file?: string;
  readonly client_auth_type: ClientAuth;
  readonly client_allowed_sans?: readonly string[];
  readonly min_version: TlsVersion;
  readonly max_version: TlsVersion;
  /** Names of OpenSSL. */
  readonly cipher_suites: readonly string[];
  readonly curve_preferences: readonly string[];
  readonly prefer_server_cipher_suites: boolean;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export type ClientAuth =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert';

const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};

const CLIENT_AUTH: Readonly<Record<string, ClientAuth>> = {
  '': 'NoClientCert',
  NoClientCert: 'NoClientCert',
  RequestClientCert: 'RequestClientCert',
  RequireAnyClientCert: 'RequireAnyClientCert',
  RequireClientCert: 'RequireAnyClientCert',
  VerifyClientCertIfGiven: 'VerifyClientCertIfGiven',
  RequireAndVerifyClientCert: 'RequireAndVerifyClientCert',
};

/** OpenSSL's names by Go's names. Go always enables those of TLS 1.3. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};

const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
};

const HEADERS: Fields = {
  'Content-Security-Policy': text,
  'Strict-Transport-Security': text,
  'X-Content-Type-Options': oneOf({ '': '', nosniff: 'nosniff' }),
  'X-Frame-Options': oneOf({ '': '', deny: 'deny', sameorigin: 'sameorigin' }),
  'X-XSS-Protection': text,
};

/**
 * Parses the text of the file. Relative paths begin at the folder of `path`.
 *
 * @throws Problem that says all that is wrong, without repeating a secret.
 */
export function parseWebConfig(source: string, path: string): WebConfig {
  const document = parseDocument(source, { prettyErrors: false });
  const mistakes = [...document.errors, ...document.warnings];
  // The parser's messages can quote a line of the file, and so a secret.
  if (mistakes.length > 0)
    throw new Problem(mistakes.map(({ code, pos }) => `${lineOf(source, pos[0])}: not YAML (${code})`));

  const file = fileIn(dirname(path));
  const problems: string[] = [];
  const fields: Fields = {
    tls_server_config: (value, at) =>
      section(value, at, problems, {
        cert: text,
        key: text,
        client_ca: text,
        cert_file: file,
        key_file: file,
        client_ca_file: file,
        client_auth_type: oneOf(CLIENT_AUTH),
        client_allowed_sans: list(text),
        min_version: oneOf(VERSIONS),
        max_version: oneOf(VERSIONS),
        cipher_suites: list(oneOf(CIPHERS)),
        curve_preferences: list(oneOf(CURVES)),
        prefer_server_cipher_suites: boolean,
      }),
    http_server_config: (value, at) =>
      section(value, at, problems, {
        http2: boolean,
        headers: (inner, where) => section(inner, where, problems, HEADERS),
      }),
    basic_auth_users: map(bcryptHash),
    rate_limit: (value, at) => section(value, at, problems, { interval: duration, burst: integer }),
  };
  const given = section(document.toJS() ?? {}, '', problems, fields) as Given;
  const tls = tlsOf(given.tls_server_config, problems);
  if (problems.length > 0) throw new Problem(problems);
  const { interval = 0, burst = 0 } = given.rate_limit ?? {};
  return {
    tls,
    http2: given.http_server_config?.http2 ?? true,
    headers: Object.fromEntries(
      Object.entries(given.http_server_config?.headers ?? {}).filter(([, value]) => value !== ''),
    ),
    users: new Map(Object.entries(given.basic_auth_users ?? {})),
    rateLimit: interval > 0 ? { intervalMs: interval, burst } : undefined,
  };
}

interface Given {
  readonly tls_server_config?: Partial<TlsConfig>;
  readonly http_server_config?: { readonly http2?: boolean; readonly headers?: Readonly<Record<string, string>> };
  readonly basic_auth_users?: Readonly<Record<string, string>>;
  readonly rate_limit?: { readonly interval?: number; readonly burst?: number };
}

/** Checks the fields against each other, and applies defaults. */
function tlsOf(given: Partial<TlsConfig> | undefined, problems: string[]): TlsConfig | undefined {
  const asked = ['cert', 'cert_file', 'key', 'key_file', 'client_ca', 'client_ca_file', 'client_auth_type'] as const;
  if (!given || !asked.some((name) => given[name])) return undefined;
  const at = 'tls_server_config';
  const clientAuth = given.client_auth_type ?? 'NoClientCert';
  if (!given.cert && !given.cert_file) problems.push(`${at}: cert_file (or cert) is missing`);
  if (!given.key && !given.key_file) problems.push(`${at}: key_file (or key) is missing`);
  for (const name of ['cert', 'key', 'client_ca'] as const) {
    if (given[name] && given[`${name}_file`])
      problems.push(`${at}: ${name} and ${name}_file contradict each other; leave one out`);
  }
  if ((given.client_ca || given.client_ca_file) && clientAuth === 'NoClientCert') {
    problems.push(`${at}: client_ca_file means nothing without client_auth_type, such as RequireAndVerifyClientCert`);
  }
  if (given.client_allowed_sans && !clientAuth.startsWith('Require')) {
    problems.push(
      `${at}: client_allowed_sans needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert`,
    );
  }
  const min = given.min_version ?? 'TLSv1.2';
  const max = given.max_version ?? 'TLSv1.3';
  if (min > max) problems.push(`${at}: min_version is above max_version`);
  return {
    ...given,
    client_auth_type: clientAuth,
    min_version: min,
    max_version: max,
    cipher_suites: given.cipher_suites ?? [],
    curve_preferences: given.curve_preferences ?? [],
    prefer_server_cipher_suites: given.prefer_server_cipher_suites ?? true,
  };
}

function bcryptHash(value: unknown, at: string): string {
  if (typeof value === 'string' && /^\$2[aby]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(value)) return value;
  throw new Problem([`${at}: is no bcrypt hash; make one with htpasswd -nBC 10 ""`]);
}

function lineOf(source: string, position: number): string {
  return `line ${source.slice(0, position).split('\n').length}`;
}

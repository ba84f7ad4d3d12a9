import { describe, expect, test } from 'vitest';
import { parseWebConfig } from '../../src/cli/web-config.ts';

const HASH = `$2y$10$${'a'.repeat(53)}`;
const TLS = 'tls_server_config: { cert_file: server.crt, key_file: /keys/server.key';

test('an empty file asks for nothing', () => {
  for (const source of ['', '# nothing\n', '{}', 'tls_server_config:\nbasic_auth_users:\n']) {
    const { tls, users, headers, rateLimit, http2 } = parseWebConfig(source, '/etc/web.yml');
    expect({ tls, users: users.size, headers, rateLimit, http2 }).toEqual({
      tls: undefined,
      users: 0,
      headers: {},
      rateLimit: undefined,
      http2: true,
    });
  }
});

test('everything that the exporter toolkit knows is read', () => {
  const source = `
tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca/clients.crt
  client_allowed_sans: [prometheus.example.org]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=1
    X-Frame-Options: deny
    X-XSS-Protection: ""
basic_auth_users:
  alice: ${HASH}
rate_limit:
  interval: 1m30s
  burst: 20
`;
  expect(parseWebConfig(source, '/etc/promenade/web.yml')).toEqual({
    tls: {
      cert_file: '/etc/promenade/server.crt',
      key_file: '/keys/server.key',
      client_auth_type: 'RequireAndVerifyClientCert',
      client_ca_file: '/etc/promenade/ca/clients.crt',
      client_allowed_sans: ['prometheus.example.org'],
      min_version: 'TLSv1.2',
      max_version: 'TLSv1.3',
      cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256'],
      curve_preferences: ['X25519', 'P-256'],
      prefer_server_cipher_suites: false,
    },
    http2: false,
    headers: { 'Strict-Transport-Security': 'max-age=1', 'X-Frame-Options': 'deny' },
    users: new Map([['alice', HASH]]),
    rateLimit: { intervalMs: 90_000, burst: 20 },
  });
});

describe('what is wrong is said, all at once', () => {
  test.each<[why: string, source: string, ...problems: string[]]>([
    ['an unknown key', 'tls_server_confg: {}', 'tls_server_confg: is unknown (did you mean tls_server_config?)'],
    [
      'an unknown inner key',
      `${TLS}, cert_fil: x }`,
      'tls_server_config.cert_fil: is unknown (did you mean cert_file?)',
    ],
    ['a list', '- a', 'the file: has to be a mapping'],
    ['no YAML', 'a: b: c', 'line 1: not YAML'],
    ['a key twice', `rate_limit: {}\nrate_limit: {}`, 'line 2: not YAML (DUPLICATE_KEY)'],
    ['no key', 'tls_server_config: { cert_file: a }', 'key_file (or key) is missing'],
    [
      'no certificate',
      'tls_server_config: { client_auth_type: RequestClientCert }',
      'cert_file (or cert) is missing',
      'key_file',
    ],
    ['two certificates', `${TLS}, cert: inline }`, 'cert and cert_file contradict'],
    ['a version', `${TLS}, min_version: SSL3 }`, 'min_version: has to be one of TLS10, TLS11, TLS12, TLS13'],
    [
      'versions the wrong way round',
      `${TLS}, min_version: TLS13, max_version: TLS12 }`,
      'min_version is above max_version',
    ],
    ['a cipher', `${TLS}, cipher_suites: [RC4] }`, 'cipher_suites[0]: has to be one of'],
    ['a curve', `${TLS}, curve_preferences: X25519 }`, 'curve_preferences: has to be a list'],
    ['a CA without a use', `${TLS}, client_ca_file: ca.crt }`, 'client_ca_file means nothing without client_auth_type'],
    [
      'names without a need',
      `${TLS}, client_allowed_sans: [a], client_auth_type: RequestClientCert }`,
      'client_allowed_sans needs',
    ],
    ['a header', 'http_server_config: { headers: { X-Mine: a } }', 'headers.X-Mine: is unknown'],
    ['a header’s value', 'http_server_config: { headers: { X-Frame-Options: allow } }', 'one of deny, sameorigin'],
    ['a boolean', 'http_server_config: { http2: "yes" }', 'http2: has to be true or false'],
    ['a password in plain', 'basic_auth_users: { alice: secret }', 'basic_auth_users.alice: is no bcrypt hash'],
    ['a time', 'rate_limit: { interval: 10 }', 'interval: has to be a time such as 1s'],
    ['a number', 'rate_limit: { burst: 1.5 }', 'burst: has to be a whole number'],
    ['several', 'rate_limit: { burst: -1 }\nusers: {}', 'burst: has to be', 'users: is unknown'],
  ])('%s', (_, source, ...problems) => {
    const message = messageOf(source);
    for (const problem of problems) expect(message).toContain(problem);
  });

  test('and never repeats a secret', () => {
    for (const source of [
      'basic_auth_users: { alice: hunter2 }',
      'basic_auth_users: { alice: hunter2',
      'basic_auth_users: {a: "hunter2\\q"}',
    ]) {
      expect(messageOf(source)).not.toContain('hunter2');
    }
  });
});

function messageOf(source: string): string {
  try {
    parseWebConfig(source, '/etc/web.yml');
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`nothing is wrong with ${source}`);
}

import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { metricsUrl } from '../../src/settings/metrics-url.ts';
import {
  type Environment,
  environmentSettings,
  resolveSettings,
  type Settings,
  type SettingsOptions,
  settingsTable,
} from '../../src/settings/settings.ts';
import { spellingsOf } from '../../src/settings/settings-table.ts';
import { digestOf } from '../../src/settings/token-digest.ts';
import { MetricsError } from '../../src/errors.ts';

const sha = (token: string): string => createHash('sha256').update(token).digest('hex');

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(MetricsError);
    expect((error as MetricsError).code).toBe('ERR_METRICS_INVALID_SETTING');
    return (error as MetricsError).message;
  }
  throw new Error('nothing was thrown');
}

describe('settings', () => {
  test('defaults', () => {
    expect(resolveSettings({}, {})).toEqual({
      enabled: false,
      path: '/metrics',
      host: '127.0.0.1',
      port: undefined,
      authentication: false,
      tokens: [],
      tokensFile: undefined,
      disabledApps: [],
      namespace: '',
      compat: undefined,
      multiprocDir: undefined,
      role: undefined,
      onColdStart: 'keep',
      schemeHeader: undefined,
    } satisfies Settings);
  });

  test('every setting has its row in the table', () => {
    expect(Object.keys(settingsTable).sort()).toEqual(Object.keys(resolveSettings({}, {})).sort());
  });

  const good: [variable: string, text: string, option: keyof Settings, value: unknown][] = [
    ...['true', 'TRUE', ' True ', '1', 'yes', 'Yes', 'on', 'ON'].map(
      (text) => ['METRICS_ENABLED', text, 'enabled', true] as [string, string, 'enabled', boolean],
    ),
    ...['false', '0', 'no', 'off', '', '  ', 'OFF'].map(
      (text) => ['METRICS_ENABLED', text, 'enabled', false] as [string, string, 'enabled', boolean],
    ),
    ['METRICS_PATH', '/metrics/', 'path', '/metrics'],
    ['METRICS_PATH', '/internal/prom.txt', 'path', '/internal/prom.txt'],
    ['METRICS_PATH', '/', 'path', '/'],
    ['METRICS_PATH', '', 'path', '/metrics'],
    ['METRICS_PORT', ' 9100 ', 'port', 9100],
    ['METRICS_PORT', '65535', 'port', 65535],
    ['METRICS_PORT', '', 'port', undefined],
    ['METRICS_AUTHENTICATION', 'yes', 'authentication', true],
    ['METRICS_AUTHENTICATED', 'true', 'authentication', true],
    ['METRICS_TOKENS', 'abc', 'tokens', [digestOf('abc')]],
    ['METRICS_TOKENS', ' a , b,, ', 'tokens', [digestOf('a'), digestOf('b')]],
    ['METRICS_TOKENS', `sha256:${sha('secret')}`, 'tokens', [digestOf('secret')]],
    ['METRICS_TOKENS', `SHA256:${sha('secret').toUpperCase()}`, 'tokens', [digestOf('secret')]],
    ['METRICS_TOKENS_FILE', '/run/secrets/tokens', 'tokensFile', '/run/secrets/tokens'],
    ['METRICS_DISABLED_APPS', ' dcim, ipam ,', 'disabledApps', ['dcim', 'ipam']],
    ['METRICS_NAMESPACE', 'netbox', 'namespace', 'netbox'],
    ['METRICS_NAMESPACE', 'netbox_', 'namespace', 'netbox'],
    ['METRICS_COMPAT', ' django ', 'compat', 'django'],
    ['METRICS_COMPAT', ' ', 'compat', undefined],
    ['METRICS_ROLE', 'job_worker2', 'role', 'job_worker2'],
    ['METRICS_ON_COLD_START', ' reset ', 'onColdStart', 'reset'],
    [
      'METRICS_SCHEME_HEADER',
      'X-Forwarded-Proto: HTTPS',
      'schemeHeader',
      { name: 'x-forwarded-proto', value: 'https' },
    ],
    ['METRICS_SCHEME_HEADER', 'x-https:on', 'schemeHeader', { name: 'x-https', value: 'on' }],
    ['PROMETHEUS_MULTIPROC_DIR', '/run/app', 'multiprocDir', '/run/app'],
    ['prometheus_multiproc_dir', '/run/app', 'multiprocDir', '/run/app'],
  ];
  test.each(good)('%s=%j', (variable, text, option, value) => {
    expect(resolveSettings({}, { [variable]: text })[option]).toEqual(value);
  });

  test.each([
    ['[::1]', '::1'],
    ['0.0.0.0', '0.0.0.0'],
    ['localhost', 'localhost'],
    ['metrics_host.internal', 'metrics_host.internal'],
  ])('METRICS_HOST=%s', (text, host) => {
    expect(resolveSettings({}, { METRICS_HOST: text, METRICS_PORT: '9100' }).host).toBe(host);
  });

  const bad: [environment: Record<string, string>, ...says: (string | RegExp)[]][] = [
    [{ METRICS_ENABLED: 'ture' }, 'METRICS_ENABLED: "ture"', 'use true or false'],
    [{ METRICS_ENABLED: '2' }, 'METRICS_ENABLED'],
    [{ METRICS_PATH: 'metrics' }, 'METRICS_PATH: "metrics"', 'begin with a slash'],
    [{ METRICS_PATH: '/:id' }, 'METRICS_PATH'],
    [{ METRICS_PATH: '/a/../b' }, 'METRICS_PATH'],
    [{ METRICS_PATH: '//metrics' }, 'METRICS_PATH'],
    [{ METRICS_PATH: '/metrics?x=1' }, 'METRICS_PATH'],
    [{ METRICS_PATH: 'http://host/metrics' }, 'METRICS_PATH'],
    ...['0', '65536', '-1', '80a', '8.5', '1e3', '0x50', 'NaN', '100000'].map(
      (port): [Record<string, string>, string, string] => [
        { METRICS_PORT: port },
        `METRICS_PORT: "${port}"`,
        '1 to 65535',
      ],
    ),
    [{ METRICS_HOST: 'http://localhost', METRICS_PORT: '9100' }, 'METRICS_HOST', 'without scheme'],
    [{ METRICS_HOST: 'localhost:9100', METRICS_PORT: '9100' }, 'METRICS_HOST'],
    [{ METRICS_HOST: '0.0.0.0' }, 'METRICS_HOST has no meaning without METRICS_PORT'],
    [{ METRICS_AUTHENTICATION: 'maybe' }, 'METRICS_AUTHENTICATION: "maybe"'],
    [
      { METRICS_AUTHENTICATION: 'true', METRICS_AUTHENTICATED: 'false' },
      'METRICS_AUTHENTICATED contradicts METRICS_AUTHENTICATION',
    ],
    [{ PROMETHEUS_MULTIPROC_DIR: '/a', prometheus_multiproc_dir: '/b' }, 'contradicts PROMETHEUS_MULTIPROC_DIR'],
    [{ METRICS_NAMESPACE: '9lives' }, 'METRICS_NAMESPACE: "9lives"', 'a letter first'],
    [{ METRICS_NAMESPACE: 'net-box' }, 'METRICS_NAMESPACE'],
    [{ METRICS_ROLE: 'Web' }, 'METRICS_ROLE: "Web"'],
    [{ METRICS_ROLE: '../x' }, 'METRICS_ROLE'],
    [{ METRICS_ON_COLD_START: 'clear' }, 'METRICS_ON_COLD_START: "clear"', 'keep nor reset'],
    [{ METRICS_COMPAT: 'Django' }, 'METRICS_COMPAT: "Django" is not known', 'use django, or leave it unset'],
    [{ METRICS_COMPAT: 'true' }, 'METRICS_COMPAT'],
    [{ METRICS_ON_COLD_START: 'Reset' }, 'METRICS_ON_COLD_START: "Reset"'],
    [{ METRICS_SCHEME_HEADER: 'x-forwarded-proto' }, 'METRICS_SCHEME_HEADER', 'such as x-forwarded-proto: https'],
    [{ METRICS_SCHEME_HEADER: 'two words: https' }, 'METRICS_SCHEME_HEADER'],
    [{ PROMENADE_PORT: 'x' }, 'PROMENADE_PORT: "x"'],
    [{ METRICS_PORT: 'x', METRICS_PATH: 'y' }, 'METRICS_PORT', 'METRICS_PATH'],
  ];
  test.each(bad)('%j is refused', (environment, ...says) => {
    const message = messageOf(() => resolveSettings({}, { METRICS_ENABLED: 'true', ...environment }));
    for (const text of says) expect(message).toMatch(text);
  });

  test.each([
    'hunter2 spaced',
    `sha256:${'z'.repeat(64)}hunter2`,
    'hunter2\u0000',
    'hunter2é',
    `hunter2${'x'.repeat(5000)}`,
  ])('a malformed token is refused without being repeated', (token) => {
    const message = messageOf(() => resolveSettings({ enabled: true }, { METRICS_TOKENS: `good,${token}` }));
    expect(message).toContain('METRICS_TOKENS: entry 2 ');
    expect(message).not.toContain('hunter2');
  });

  test('a malformed secret is not repeated', () => {
    expect(messageOf(() => resolveSettings({ tokens: [7] } as never, {}))).toContain('option tokens (METRICS_TOKENS)');
  });

  test('resolved settings hold no plain token', () => {
    expect(JSON.stringify(resolveSettings({ tokens: ['hunter2'] }, {}))).not.toContain('hunter2');
  });

  test('an option wins over the environment, even over a malformed one; undefined and blank ones do not', () => {
    expect(resolveSettings({ port: 1234 }, { METRICS_PORT: 'x' }).port).toBe(1234);
    expect(resolveSettings({ enabled: false }, { METRICS_ENABLED: 'true' }).enabled).toBe(false);
    expect(resolveSettings({ path: undefined }, { METRICS_PATH: '/m' }).path).toBe('/m');
    expect(resolveSettings({ path: ' ' }, { METRICS_PATH: '/m' }).path).toBe('/m');
  });

  const badOptions: [options: object, says: string][] = [
    [{ pth: '/x' }, 'no option pth (did you mean path?)'],
    [{ port: 1.5 }, 'option port (METRICS_PORT): 1.5'],
    [{ port: null }, 'option port'],
    [{ enabled: {} }, 'option enabled'],
    [{ tokens: 5 }, 'option tokens'],
    [{ disabledApps: [1] }, 'option disabledApps'],
    [{ path: 5 }, 'option path'],
    [{ multiprocDir: 'a\0b' }, 'option multiprocDir'],
    [{ namespace: Symbol('x') }, 'option namespace'],
  ];
  test.each(badOptions)('option %o is refused', (options, says) => {
    expect(messageOf(() => resolveSettings(options as SettingsOptions, {}))).toContain(says);
  });

  test('the default of a caller counts where nothing else is said', () => {
    expect(resolveSettings({ enabled: true }, { METRICS_HOST: '::' }, { port: 9464 })).toMatchObject({ port: 9464 });
    expect(resolveSettings({ port: 1 }, {}, { port: 9464 }).port).toBe(1);
    expect(resolveSettings({}, { METRICS_PORT: '2' }, { port: 9464 }).port).toBe(2);
  });
});

describe('PROMENADE_* variables', () => {
  test('every setting has one, and it wins, even over a malformed METRICS_*', () => {
    const values: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
      enabled: ['true', true],
      path: ['/own', '/own'],
      host: ['0.0.0.0', '0.0.0.0'],
      port: ['9100', 9100],
      authentication: ['true', true],
      tokens: ['abc', [digestOf('abc')]],
      tokensFile: ['/tokens', '/tokens'],
      disabledApps: ['ipam', ['ipam']],
      namespace: ['depot', 'depot'],
      compat: ['django', 'django'],
      multiprocDir: ['/run/metrics', '/run/metrics'],
      role: ['web', 'web'],
      onColdStart: ['reset', 'reset'],
      schemeHeader: ['x-scheme: https', { name: 'x-scheme', value: 'https' }],
    };
    const names = Object.fromEntries(
      Object.entries(settingsTable).map(([option, setting]) => [option, spellingsOf(setting)]),
    );
    expect(Object.keys(values).sort()).toEqual(Object.keys(names).sort());
    const ours = Object.entries(names).map(([option, [first]]) => [first, values[option]![0]]);
    const theirs = Object.values(names).flatMap(([, ...others]) => others.map((name) => [name, '?!\0']));
    expect(theirs.length).toBeGreaterThan(14);
    const settings = resolveSettings({}, Object.fromEntries([...ours, ...theirs]));
    expect(settings).toEqual(Object.fromEntries(Object.entries(values).map(([option, [, value]]) => [option, value])));
    expect(ours.map(([name]) => name)).toContain('PROMENADE_MULTIPROC_DIR');
  });

  test('an empty one counts as unset', () => {
    expect(resolveSettings({}, { PROMENADE_ENABLED: ' ', METRICS_ENABLED: 'true' }).enabled).toBe(true);
  });
});

describe('an environment that is shared with other programs', () => {
  /** What is warned of while settings are resolved; names need to differ from test to test. */
  function warningsOf(environment: Environment, options: SettingsOptions = {}): string[] {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      resolveSettings(options, environment);
      return emit.mock.calls.map(([message, how]) => `${(how as { code: string }).code} ${String(message)}`);
    } finally {
      emit.mockRestore();
    }
  }

  /** What Kubernetes writes for a Service `metrics`, and Docker for a linked container. */
  const links = {
    METRICS_SERVICE_HOST: '10.0.0.1',
    METRICS_SERVICE_PORT: '9090',
    METRICS_SERVICE_PORT_HTTP: '9090',
    METRICS_PORT: 'tcp://10.0.0.1:9090',
    METRICS_PORT_9090_TCP: 'tcp://10.0.0.1:9090',
    METRICS_PORT_9090_TCP_PROTO: 'tcp',
    METRICS_PORT_9090_TCP_PORT: '9090',
    METRICS_PORT_9090_TCP_ADDR: '10.0.0.1',
    METRICS_NAME: '/web/metrics',
    METRICS_ROLES_PORT: 'udp://10.0.0.1:53',
  };
  const others = { METRICS_INTERVAL: '5', METRICS_PREFIX: 'x', METRICS_SERVICES: 'a,b', METRICS_BACKEND: 'statsd' };

  test('service links and other programs’ variables are no settings, and nothing is said', () => {
    const services = Object.fromEntries(
      Object.entries(links).map(([name, value]) => [name.replace('METRICS', 'PROMENADE'), value]),
    );
    const environment = { ...links, ...services, ...others, PATH: '/bin', metrics_enabled: 'x', NOT_METRICS_PORT: '1' };
    expect(warningsOf({ ...environment, METRICS_ENABLED: 'true' })).toEqual([]);
    expect(resolveSettings({ enabled: true }, environment)).toEqual(resolveSettings({ enabled: true }, {}));
    expect(resolveSettings({}, environment)).toEqual(resolveSettings({}, {}));
    expect(resolveSettings({}, { ...links, PROMENADE_PORT: '9100' }).port).toBe(9100);
  });

  test('METRICS_HOST beside a service link is told how to get its port', () => {
    const environment = { ...links, METRICS_ENABLED: 'true', METRICS_HOST: '0.0.0.0' };
    expect(messageOf(() => resolveSettings({}, environment))).toMatch(/service link .*set PROMENADE_PORT/);
  });

  test.each([
    ['METRICS_ENABELD', 'METRICS_ENABLED'],
    ['METRICS_TOKEN', 'METRICS_TOKENS'],
    ['METRICS_POTR', 'METRICS_PORT'],
    ['METRICS_NAMESPACES', 'METRICS_NAMESPACE'],
    ['METRICS_MULTIPROC_DIR', 'PROMETHEUS_MULTIPROC_DIR'],
    ['PROMENADE_DISABLE_APPS', 'PROMENADE_DISABLED_APPS'],
  ])('%s is a near miss of %s: one warning, with metrics on alone', (name, meant) => {
    expect(warningsOf({ [name]: 'hunter2' })).toEqual([]);
    const [warning, ...more] = warningsOf({ [name]: 'hunter2' }, { enabled: true });
    expect(warning).toContain(`WARN_METRICS_UNKNOWN_SETTING`);
    expect(warning).toContain(`${name} (did you mean ${meant}?)`);
    expect(warning).not.toContain('hunter2');
    expect(more).toEqual([]);
    expect(warningsOf({ [name]: 'hunter2' }, { enabled: true })).toEqual([]);
  });

  test('several near misses are one warning', () => {
    const warnings = warningsOf({ METRICS_PATHS: 'x', METRICS_HOSTS: 'y' }, { enabled: true });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/METRICS_PATHS.*METRICS_HOSTS/);
  });

  const malformed = {
    METRICS_PORT: 'x',
    METRICS_PATH: 'metrics',
    METRICS_NAMESPACE: '9lives',
    METRICS_ON_COLD_START: 'Reset',
    METRICS_ROLE: '../x',
    METRICS_TOKENS: 'a b',
    PROMENADE_COMPAT: 'rails',
    PROMETHEUS_MULTIPROC_DIR: '/a',
    prometheus_multiproc_dir: '/b',
  };

  test('with metrics off nothing in it stops an application', () => {
    for (const off of [{}, { METRICS_ENABLED: 'off' }, { PROMENADE_ENABLED: 'false', METRICS_ENABLED: 'true' }]) {
      expect(resolveSettings({}, { ...malformed, ...off })).toMatchObject({ enabled: false, path: '/metrics' });
    }
    expect(resolveSettings({ enabled: false }, { ...malformed, METRICS_ENABLED: 'maybe' }).enabled).toBe(false);
    expect(messageOf(() => resolveSettings({ enabled: false, path: 'x' }, malformed))).toBe(
      'Invalid metrics settings: option path (METRICS_PATH): "x" is not a path; begin with a slash and use letters, digits, . _ ~ and - only, such as /metrics.',
    );
  });

  test('the environment alone needs to be right in what is used of it', () => {
    const environment = { ...malformed, METRICS_ENABLED: 'true' };
    expect(environmentSettings(['enabled'], environment)).toMatchObject({ enabled: true, switchedOff: false });
    expect(messageOf(() => environmentSettings(['onColdStart'], environment))).toContain('METRICS_ON_COLD_START');
    expect(messageOf(() => environmentSettings(['namespace'], environment))).not.toContain('METRICS_PORT');
    expect(environmentSettings([], { METRICS_ENABLED: 'off' }).switchedOff).toBe(true);
    expect(environmentSettings([], {}).switchedOff).toBe(false);
  });
});

test.each<[options: SettingsOptions, url: string | undefined]>([
  [{ enabled: true }, 'http://app:8080/metrics'],
  [{ enabled: true, path: '/internal/' }, 'http://app:8080/internal'],
  [{ enabled: true, port: 9100 }, 'http://127.0.0.1:9100/metrics'],
  [{ enabled: true, port: 9100, host: '[::1]', path: '/' }, 'http://[::1]:9100/'],
  [{ enabled: false, port: 9100 }, undefined],
])('the address of the page with %o', (options, url) => {
  expect(metricsUrl(resolveSettings(options, {}), 'http://app:8080')).toBe(url);
});

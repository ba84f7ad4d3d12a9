import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { resolveSettings, settingsTable, type Settings, type SettingsOptions } from '../../src/settings/settings.ts';
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
    [{ METRICS_ENABELD: 'true' }, 'METRICS_ENABELD', 'did you mean METRICS_ENABLED?'],
    [{ METRICS_TOKEN: 'hunter2' }, 'METRICS_TOKEN ', 'did you mean METRICS_TOKENS?'],
    [{ METRICS_MULTIPROC_DIR: '/a' }, 'did you mean PROMETHEUS_MULTIPROC_DIR?'],
    [{ METRICS_SOMETHING_ELSE_ALTOGETHER: '1' }, /METRICS_SOMETHING_ELSE_ALTOGETHER; remove it/],
    [{ METRICS_PORT: 'x', METRICS_PATH: 'y' }, 'METRICS_PORT', 'METRICS_PATH'],
  ];
  test.each(bad)('%j is refused', (environment, ...says) => {
    const message = messageOf(() => resolveSettings({}, environment));
    for (const text of says) expect(message).toMatch(text);
  });

  test.each([
    'hunter2 spaced',
    `sha256:${'z'.repeat(64)}hunter2`,
    'hunter2\u0000',
    'hunter2é',
    `hunter2${'x'.repeat(5000)}`,
  ])('a malformed token is refused without being repeated', (token) => {
    const message = messageOf(() => resolveSettings({}, { METRICS_TOKENS: `good,${token}` }));
    expect(message).toContain('METRICS_TOKENS: entry 2 ');
    expect(message).not.toContain('hunter2');
  });

  test('no value of an unknown or contradictory secret is repeated', () => {
    expect(messageOf(() => resolveSettings({}, { METRICS_TOKEN: 'hunter2' }))).not.toContain('hunter2');
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

  test('other variables of the environment are nobody’s concern', () => {
    expect(() =>
      resolveSettings({}, { PATH: '/bin', METRIC: 'x', metrics_enabled: 'x', NOT_METRICS_X: '1', METRICS_COMPAT: ' ' }),
    ).not.toThrow();
  });
});

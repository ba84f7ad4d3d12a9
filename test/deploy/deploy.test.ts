import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { type Inventory, startInventory, startTimeoutMs, token } from '../inventory/start-inventory.ts';
import { noForeignParsers } from '../support/foreign-parsers.ts';
import { filesBelow, ROOT } from '../support/modules.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { type DatabaseServer, postgres, redis, type TestDatabase } from '../support/servers.ts';

/** A database of Redis that nothing else here uses. */
const redisDatabase = 13;
const folder = join(ROOT, 'deploy');

function read(path: string): string {
  return readFileSync(join(folder, path), 'utf8');
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** What the dashboard asks Prometheus, with its variables filled in. */
function dashboardQueries(): { title: string; expression: string }[] {
  const { panels } = JSON.parse(read('grafana/dashboards/promenade.json')) as { panels: readonly Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expression: expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.+'),
    })),
  );
}

/**
 * Panels of which nothing is seen while all is well; their families are on the page all the same.
 */
const QUIET = ['Errors thrown, by type', 'Collectors of apps that failed'];

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string; readonly alert?: string }[] }[];
}

describe('the files', () => {
  test('are YAML, and name secrets and volumes that there are', () => {
    const files = filesBelow('deploy', '.yml').concat(filesBelow('deploy', '.yaml'));
    expect(files.length).toBeGreaterThanOrEqual(8);
    for (const file of files) {
      for (const document of parseAllDocuments(readFileSync(join(ROOT, file), 'utf8'), { merge: true })) {
        expect({ file, errors: document.errors, warnings: document.warnings }).toEqual({
          file,
          errors: [],
          warnings: [],
        });
      }
    }
    const compose = parse(read('compose.yml'), { merge: true });
    for (const name of ['web', 'worker', 'metrics']) {
      const { environment, volumes, secrets } = compose.services[name];
      expect(volumes).toEqual([`metrics:${environment.PROMETHEUS_MULTIPROC_DIR}`]);
      expect(environment.METRICS_TOKENS_FILE).toBe(`/run/secrets/${secrets[0]}`);
      expect(Object.keys(compose.secrets)).toEqual(secrets);
      expect(Object.keys(compose.volumes)).toContain('metrics');
    }
  });

  test('start programs that there are', () => {
    const programs = filesBelow('deploy', '').flatMap((file) =>
      [
        ...readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:inventory|node_modules\/promenade)\/dist\/[\w/-]+\.js/g),
      ].map(String),
    );
    expect(programs.length).toBeGreaterThanOrEqual(8);
    for (const program of new Set(programs)) {
      const source = program.replace('node_modules/promenade/dist', 'src').replace('/dist/', '/src/');
      expect(() => readFileSync(join(ROOT, source.replace(/\.js$/, '.ts')))).not.toThrow();
    }
  });
});

const [postgresServer, redisServer] = [await postgres(), await redis()] as [
  DatabaseServer,
  Awaited<ReturnType<typeof redis>>,
];

describe.skipIf(noForeignParsers)('rules', () => {
  test('are good, and do what their tests say', () => {
    const rules = ['recording-rules.yml', 'alerts.yml'].map((file) => join(folder, 'prometheus', file));
    expect(execFileSync('promtool', ['check', 'rules', ...rules], { encoding: 'utf8' })).toMatch(/SUCCESS: 11 rules/);
    execFileSync('promtool', ['test', 'rules', join(folder, 'prometheus/rules.test.yml')]);
    execFileSync('promtool', ['check', 'config', '--syntax-only', join(folder, 'prometheus/prometheus.yml')]);
  });
});

describe.skipIf(noForeignParsers || postgresServer.missing || redisServer.missing)(
  'Prometheus with these files',
  () => {
    let database: TestDatabase;
    let inventory: Inventory;
    let prometheus: PrometheusServer;

    beforeAll(async () => {
      database = await postgresServer.createDatabase();
      inventory = await startInventory(
        {
          DATABASE_URL: database.url,
          REDIS_URL: new URL(`/${redisDatabase}`, redisServer.url).href,
          METRICS_AUTHENTICATION: 'true',
          METRICS_TOKENS: 'a-scrape-token',
        },
        ['--demo'],
      );
      const config = parse(read('prometheus/prometheus.yml'));
      config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
      const [scrape] = config.scrape_configs;
      scrape.authorization.credentials_file = 'token';
      scrape.static_configs[0].targets = [new URL(inventory.origin).host];
      prometheus = await startPrometheus(stringify(config), {
        'recording-rules.yml': read('prometheus/recording-rules.yml').replaceAll('[5m]', '[1m]'),
        'alerts.yml': read('prometheus/alerts.yml'),
        token: 'a-scrape-token',
      });
    }, startTimeoutMs);

    afterAll(async () => {
      await prometheus?.stop();
      await inventory?.stop();
      await database?.drop();
    }, startTimeoutMs);

    test('is let in by its token, and nobody is without', async () => {
      expect((await fetch(`${inventory.origin}/metrics`)).status).toBe(401);
      await expect.poll(() => prometheus.one('up'), { timeout: 20_000 }).toBe(1);
    });

    /** What Telegraf 1.3x, Prometheus 2 and Prometheus 3 send, to the letter. */
    const headers = {
      Telegraf:
        'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3',
      'Prometheus 2':
        'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'Prometheus 3':
        'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    };
    test.each([
      ['Telegraf', 'Bearer a-scrape-token', /^application\/vnd\.google\.protobuf/],
      ['Telegraf', `Token ${token}`, /^application\/vnd\.google\.protobuf/],
      ['Prometheus 2', 'Bearer a-scrape-token', /^application\/openmetrics-text; ?version=1\.0\.0/],
      [
        'Prometheus 3',
        `Basic ${btoa('prometheus:a-scrape-token')}`,
        /^application\/openmetrics-text; ?version=1\.0\.0/,
      ],
    ] as const)('%s gets a format that it asked for, as %s', async (scraper, authorization, contentType) => {
      const answer = await fetch(`${inventory.origin}/metrics`, {
        headers: { accept: headers[scraper], authorization },
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(contentType);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
    });

    test(
      'every panel of the dashboard and every recording rule has something to show',
      { timeout: 120_000 },
      async () => {
        const all = dashboardQueries();
        expect(all.length).toBeGreaterThanOrEqual(30);
        const page = await (
          await fetch(`${inventory.origin}/metrics`, { headers: { authorization: `Token ${token}` } })
        ).text();
        for (const { expression } of all.filter(({ title }) => QUIET.includes(title))) {
          expect(page).toContain(`# TYPE ${/\w+_total/.exec(expression)![0]} counter`);
        }
        const queries = all.filter(({ title }) => !QUIET.includes(title));
        const { groups } = parse(read('prometheus/recording-rules.yml')) as Rules;
        const records = groups.flatMap(({ rules }) =>
          rules.map(({ record }) => ({ title: 'rule', expression: record! })),
        );
        const empty = async (): Promise<object[]> => {
          const answers = await Promise.all(
            [...queries, ...records].map(async (one) => ({
              ...one,
              series: (await prometheus.query(one.expression)).length,
            })),
          );
          return answers.filter(({ series }) => series === 0);
        };
        await expect.poll(empty, { timeout: 90_000, interval: 2_000 }).toEqual([]);
      },
    );

    test('the tests of the rules have the series that the page has', async () => {
      const page = await (
        await fetch(`${inventory.origin}/metrics`, { headers: { authorization: `Token ${token}` } })
      ).text();
      const namesIn = (labels: string): string[] => [...labels.matchAll(/(\w+)="/g)].map(([, name]) => name!).sort();
      const shapes = new Map(
        [...page.matchAll(/^(\w+)\{(.*)\} \S+$/gm)].map(([, name, labels]) => [
          name!,
          namesIn(labels!).filter((label) => label !== 'le'),
        ]),
      );
      // These are on no page while all is well.
      shapes.set('metrics_overflowed_series_total', ['family']);
      const { tests } = parse(read('prometheus/rules.test.yml')) as {
        tests: { input_series: { series: string }[] }[];
      };
      const series = tests.flatMap(({ input_series: input }) => input.map((one) => one.series));
      expect(series.length).toBeGreaterThanOrEqual(25);
      for (const one of series.filter((text) => !text.startsWith('up{'))) {
        const [, name, labels] = /^(\w+)\{(.*)\}$/.exec(one)!;
        const own = namesIn(labels!).filter((label) => label !== 'job' && label !== 'instance');
        expect({ name, labels: own }).toEqual({ name, labels: shapes.get(name!) });
      }
    });

    test('Prometheus renames no label of ours, since none is called job or instance', async () => {
      expect(await prometheus.one('count({job="inventory"})')).toBeGreaterThan(100);
      expect(await prometheus.query('{exported_job!=""}')).toEqual([]);
      expect(await prometheus.query('{exported_instance!=""}')).toEqual([]);
    });

    test('no alert is evaluated in vain, and none fires for an application that is well', async () => {
      const { groups } = (await prometheus.get('/api/v1/rules?type=alert')) as {
        groups: { rules: { name: string; health: string; state: string }[] }[];
      };
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.length).toBeGreaterThanOrEqual(7);
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(rules.filter(({ state }) => state === 'firing')).toEqual([]);
    });
  },
);

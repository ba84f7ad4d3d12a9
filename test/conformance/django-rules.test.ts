import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noForeignParsers } from '../support/foreign-parsers.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { noPair, type Pair, startPair } from './django/pair.ts';
import { script, type ScriptedRequest } from './django/script.ts';

const folder = fileURLToPath(new URL('django', import.meta.url));
const rules = readFileSync(`${folder}/rules.yml`, 'utf8');
const namesOf = (key: string): string[] =>
  Array.from(rules.matchAll(new RegExp(`^ +- ${key}: (.+)$`, 'gm')), ([, name]) => name!);
const recorded = namesOf('record');
const alerts = namesOf('alert');

test.skipIf(noForeignParsers).each([
  ['check', 'rules', 'rules.yml', `${recorded.length + alerts.length} rules found`],
  ['test', 'rules', 'rules.test.yml', 'SUCCESS'],
])('promtool %s %s %s', (command, what, file, says) => {
  const { status, stdout } = spawnSync('promtool', [command, what, file], { cwd: folder, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(says) });
});

/** Requests that both count alike; django.test.ts has those that they don't. */
const alike = script.filter(
  ({ method, path }) =>
    /^(GET|POST|PUT)$/.test(method) && /^\/($|sites\/|api\/sites\/(\d+\/)?$|errors|old|database|latin)/.test(path),
);

/** The same with other names, which are unique. */
function again(request: ScriptedRequest): ScriptedRequest {
  const { body } = request;
  return body === undefined ? request : { ...request, body: body.replace(/(site|api|put)-/, '$1-again-') };
}

describe.skipIf(noForeignParsers || noPair)('a Prometheus server with rules for django-prometheus', () => {
  let pair: Pair;
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    pair = await startPair();
    const job = (name: string, url: URL): string =>
      `  - { job_name: ${name}, metrics_path: ${url.pathname}, static_configs: [{ targets: ['${url.host}'] }] }\n`;
    prometheus = await startPrometheus(
      'global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\nscrape_configs:\n' +
        job('django', new URL(pair.projectMetrics)) +
        job('promenade', new URL('/metrics', pair.origin)),
      { 'rules.yml': rules },
    );
    // Series have to be there before they can rise.
    for (const request of alike) await pair.ask(request);
    await scrapes(3);
    for (const request of alike) await pair.ask(again(request));
    await scrapes(3);
  }, 180_000);

  afterAll(async () => {
    await prometheus?.stop();
    await pair?.stop();
  });

  /** Waits until both were scraped, and rules evaluated, so many times more. */
  async function scrapes(times: number): Promise<void> {
    const count = async (): Promise<number> =>
      Number((await prometheus.query('min(sum_over_time(up[5m]))'))[0]?.value[1] ?? 0);
    const enough = (await count()) + times;
    while ((await count()) < enough) await sleep(250);
  }

  /** The label sets for which a rule says something above zero. */
  async function selected(name: string, job: string): Promise<Set<string>> {
    const samples = await prometheus.query(`${name}{job="${job}"} > 0`);
    return new Set(samples.map(({ metric }) => JSON.stringify({ ...metric, job: undefined })));
  }

  test.each(recorded)('%s selects the same', async (name) => {
    const theirs = await selected(name, 'django');
    expect(theirs.size).toBeGreaterThan(0);
    expect(await selected(name, 'promenade')).toEqual(theirs);
  });

  test('the same alerts are raised', async () => {
    const theirs = await selected('ALERTS', 'django');
    expect(await selected('ALERTS', 'promenade')).toEqual(theirs);
    const names = Array.from(theirs, (labels) => (JSON.parse(labels) as { alertname: string }).alertname);
    expect(new Set(names)).toEqual(new Set(alerts.filter((name) => !/Slow|Migrations|CacheMisses/.test(name))));
  });
});

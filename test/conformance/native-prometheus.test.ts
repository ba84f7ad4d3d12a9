import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { noForeignParsers } from '../support/foreign-parsers.ts';

/**
 * A real Prometheus server (Debian's) with native histograms turned on scrapes what we observe; its
 * answers are held against the values themselves.
 */
const QUANTILES = [0.01, 0.25, 0.5, 0.9, 0.99, 0.999];
const START_MS = 60_000;

/** From 0 to 1, the same in each run. */
function* pseudoRandom(): Generator<number> {
  for (let seed = 7; ;) {
    seed = (seed * 48_271) % 0x7fffffff;
    yield seed / 0x7fffffff;
  }
}

function take(count: number, from: (x: number, y: number) => number): number[] {
  const random = pseudoRandom();
  return Array.from({ length: count }, () => from(random.next().value as number, random.next().value as number));
}

/** By what Prometheus calls them. */
const OBSERVED: Readonly<Record<string, readonly number[]>> = {
  // Exponential, as latencies are.
  latency_seconds: take(20_000, (x) => -Math.log(1 - x * 0.9999) / 20),
  // Over many octaves, so that the resolution is halved.
  size_bytes: take(20_000, (x) => 2 ** (x * 60)),
  // Both signs and zeros.
  drift: take(20_000, (x, y) => (x < 0.2 ? 0 : (x < 0.6 ? -1 : 1) * 10 ** (y * 3))),
  both_seconds: take(5000, (x) => x),
};

describe.skipIf(noForeignParsers)('a Prometheus server with native histograms', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-test-'));
  const registry = new Registry();
  const accepted = new Set<string>();
  const schemas = new Map<string, number>();
  let server: Server;
  let prometheus: ChildProcess;
  let api = '';

  beforeAll(async () => {
    const unit = 'seconds';
    const histograms: Readonly<Record<string, Histogram>> = {
      latency_seconds: new Histogram({ registry, name: 'latency_seconds', help: 'Latency.', unit, native: {} }),
      size_bytes: new Histogram({ registry, name: 'size_bytes', help: 'Size.', unit: 'bytes', native: { schema: 8 } }),
      drift: new Histogram({ registry, name: 'drift', help: 'Drift.', native: { factor: 1.05, maxBuckets: 500 } }),
      both_seconds: new Histogram({ registry, name: 'both_seconds', help: 'Both.', buckets: [0.1, 1], native: {} }),
    };
    for (const [name, values] of Object.entries(OBSERVED)) for (const value of values) histograms[name]!.observe(value);
    new Histogram({ registry, name: 'never_seconds', help: 'Nothing.', native: {} });
    new Counter({ registry, name: 'seen_total', help: 'Seen.', labelNames: ['by'] })
      .labels({ by: 'é "quoted"' })
      .inc(7);
    for (const { definition, sparse } of (await registry.snapshot()).families) {
      if (sparse) schemas.set(definition.name, sparse[0]!.schema);
    }

    const { handler } = createEndpoint({ enabled: true, registry });
    server = createServer((request, response) => {
      accepted.add(request.headers.accept ?? '');
      handler(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = await freePort();
    api = `http://127.0.0.1:${port}`;
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: app, static_configs: [{ targets: ['${target}'] }] }]\n`,
    );
    prometheus = spawn(
      'prometheus',
      [
        '--enable-feature=native-histograms',
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    while (!(await fetch(`${api}/-/ready`).catch(() => undefined))?.ok) await delay(100);
    while ((await query('up'))[0] !== 1) await delay(100);
  }, START_MS);

  afterAll(async () => {
    if (prometheus?.kill()) await once(prometheus, 'exit');
    server?.close();
    registry.close();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  async function query(expression: string): Promise<number[]> {
    const response = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { status, data } = (await response.json()) as {
      status: string;
      data: { result: { value: [number, string] }[] };
    };
    expect({ expression, status }).toEqual({ expression, status: 'success' });
    return data.result.map(({ value }) => Number(value[1].replace('Inf', 'Infinity')));
  }

  test('asks for protobuf', () => {
    expect([...accepted].every((accept) => accept.startsWith('application/vnd.google.protobuf'))).toBe(true);
    expect(accepted.size).toBeGreaterThan(0);
  });

  test.each(Object.entries(OBSERVED))('its quantiles of %s are right to a bucket', async (name, values) => {
    const sorted = values.toSorted((a, b) => a - b);
    const base = 2 ** (2 ** -schemas.get(name)!);
    for (const quantile of QUANTILES) {
      const [estimate] = await query(`histogram_quantile(${quantile}, ${name})`);
      const value = sorted[Math.max(Math.ceil(quantile * sorted.length) - 1, 0)]!;
      const [low, high] = [value / base, value * base].toSorted((a, b) => a - b);
      // The zero bucket, which is 2^-127 wide, has an estimate beside zero.
      expect(estimate).toBeGreaterThanOrEqual(low! - 2 ** -127);
      expect(estimate).toBeLessThanOrEqual(high! + 2 ** -127);
    }
    expect(await query(`histogram_count(${name})`)).toEqual([values.length]);
    expect(await query(`histogram_sum(${name})`)).toEqual([values.reduce((sum, value) => sum + value, 0)]);
  });

  test('had what it takes to be precise, and to have halved a resolution', () => {
    expect([...schemas.values()].length).toBe(5);
    expect(schemas.get('latency_seconds')).toBe(3);
    expect(schemas.get('drift')).toBe(4);
    expect(schemas.get('size_bytes')).toBeLessThan(3);
  });

  test('takes one that has observed nothing for a native one', async () => {
    expect(await query('histogram_count(never_seconds)')).toEqual([0]);
    expect(await query('count(never_seconds_bucket)')).toEqual([]);
  });

  test('reads everything else on the page too', async () => {
    expect(await query('seen_total{by="é \\"quoted\\""}')).toEqual([7]);
    expect(await query('count({__name__=~"metrics_.+"})')).not.toEqual([]);
    expect(await query('max(scrape_samples_scraped)')).not.toEqual([0]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

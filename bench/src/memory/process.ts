import assert from 'node:assert/strict';
import { Counter, Histogram, Registry } from 'promenade';
import type * as PromClient from 'prom-client';

/** A contender, a kind of metric and a shape of series: `bytes a series` on standard output. */
const [contender, kind, shape] = process.argv.slice(2);

const SERIES = 100_000;
const METHODS = ['GET', 'PUT', 'POST', 'DELETE'] as const;
const STATUSES = ['200', '201', '400', '404', '500'] as const;
const LABEL_NAMES = ['method', 'route', 'status'] as const;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Labels = Record<(typeof LABEL_NAMES)[number], string>;

// The values are the application's, and lie on the heap before and after.
const routes = Array.from({ length: SERIES }, (_, i) => `/items/${i}`);

function labelsOf(i: number): Labels {
  // Twenty series a route, five of them with one method; or one.
  return shape === 'many a route'
    ? { method: METHODS[i & 3]!, route: routes[Math.floor(i / 20)]!, status: STATUSES[(i >> 2) % 5]! }
    : { method: METHODS[i & 3]!, route: routes[i]!, status: '200' };
}

/** Returns how to count once in a series, made if need be. */
async function create(): Promise<(labels: Labels) => void> {
  const options = { name: 'measured_total', help: 'Measured.' };
  if (contender === 'promenade') {
    const own = { ...options, registry: new Registry(), labelNames: LABEL_NAMES, maxSeries: SERIES };
    if (kind === 'counter') {
      const counter = new Counter(own);
      return (labels) => counter.labels(labels).inc();
    }
    const histogram = new Histogram({ ...own, buckets: BUCKETS });
    return (labels) => histogram.labels(labels).observe(0.2);
  }
  const client = (await import(contender!)) as typeof PromClient;
  const own = { ...options, registers: [new client.Registry()], labelNames: [...LABEL_NAMES] };
  if (kind === 'counter') {
    const counter = new client.Counter(own);
    return (labels) => counter.inc(labels);
  }
  const histogram = new client.Histogram({ ...own, buckets: BUCKETS });
  return (labels) => histogram.observe(labels, 0.2);
}

function bytes(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const count = await create();
const before = bytes();
for (let i = 0; i < SERIES; i++) count(labelsOf(i));
const grown = bytes() - before;
// All of it must still be reachable above: the first series is counted again.
count(labelsOf(0));
assert(grown > SERIES * 8, 'nothing was kept');
console.log(grown / SERIES);

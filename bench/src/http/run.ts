import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Child } from '../harness/child.ts';
import { readPage } from '../harness/page.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { scrape } from '../harness/scrape.ts';
import { compare } from '../harness/statistics.ts';
import type { Load, Task as LoadTask } from './load.ts';
import type { Task } from './process.ts';

const SCRIPT = new URL('./process.js', import.meta.url);
const LOAD_SCRIPT = new URL('./load.js', import.meta.url);
const CONNECTIONS = 32;
const WITHOUT = 'without metrics';

/** The family of each contender whose samples add up to the requests that it has seen. */
const COUNTS: Readonly<Record<string, string>> = {
  promenade: 'http_server_requests_total',
  'fastify-metrics': 'http_request_duration_seconds_count',
  'express-prom-bundle': 'http_request_duration_seconds_count',
};

interface Server {
  readonly child: Child<Task>;
  readonly port: number;
  sent: number;
  readonly perSecond: number[];
  readonly cpu: number[];
}

/** What metrics cost a server that does next to nothing else: the worst case. */
export async function run(quick: boolean): Promise<TopicResult> {
  const load = new Child<LoadTask>('load', LOAD_SCRIPT);
  try {
    return {
      topic: 'http',
      about:
        'Requests a second, and microseconds of CPU a request, of a server that answers 120 bytes of JSON and does nothing else: ' +
        `${CONNECTIONS} connections from another process, the contenders in turns. Higher is better for requests, lower for CPU.`,
      results: [
        ...(await measure('fastify', ['promenade', 'fastify-metrics'], load, quick)),
        ...(await measure('express', ['promenade', 'express-prom-bundle'], load, quick)),
      ],
    };
  } finally {
    await load.stop();
  }
}

async function measure(
  framework: 'fastify' | 'express',
  contenders: readonly string[],
  load: Child<LoadTask>,
  quick: boolean,
): Promise<CaseResult[]> {
  console.log(`http: ${framework}`);
  const env = { ...process.env, NODE_ENV: 'production' };
  const children = [WITHOUT, ...contenders].map((name) => new Child<Task>(name, SCRIPT, { args: [framework], env }));
  try {
    const servers: Server[] = [];
    for (const child of children) {
      servers.push({ child, port: await child.ask<number>({ kind: 'port' }), sent: 0, perSecond: [], cpu: [] });
    }
    for (const server of servers) await loadOnce(server, load, quick ? 200 : 2000);
    for (const server of servers) await assertAllCounted(server);
    for (let round = 0; round < (quick ? 3 : 15); round++) {
      // Forwards and backwards in turn, so that nobody is always the first.
      for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
        const before = await server.child.ask<number>({ kind: 'cpu' });
        const { requests, seconds } = await loadOnce(server, load, quick ? 200 : 1500);
        const cpu = (await server.child.ask<number>({ kind: 'cpu' })) - before;
        server.perSecond.push(requests / seconds);
        server.cpu.push(cpu / requests);
      }
    }
    for (const server of servers) await assertAllCounted(server);
    const toCase = (name: string, unit: string, of: (server: Server) => number[]): CaseResult => ({
      name: `${framework}: ${name}`,
      unit,
      contenders: compare(servers.map((server) => ({ name: server.child.name, values: of(server) }))),
    });
    return [toCase('requests', '/s', ({ perSecond }) => perSecond), toCase('CPU a request', 'µs', ({ cpu }) => cpu)];
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function loadOnce(server: Server, load: Child<LoadTask>, ms: number): Promise<Load> {
  const result = await load.ask<Load>({ port: server.port, connections: CONNECTIONS, ms });
  server.sent += result.requests;
  return result;
}

/** Who measures must have seen what was sent. */
async function assertAllCounted({ child, port, sent }: Server): Promise<void> {
  const family = COUNTS[child.name];
  if (family === undefined) return;
  const page = readPage(Buffer.concat(await scrape(port)).toString(), [family]);
  const counted = [...page].reduce((sum, [key, value]) => (key.includes('/devices/') ? sum + value : sum), 0);
  assert.equal(counted, sent, child.name);
}

import { toDigits, toRange } from './digits.ts';
import type { TopicResult } from './results.ts';

/** One line of the table that says how Promenade compares. */
interface Claim {
  readonly what: string;
  readonly topic: string;
  /** The name of the case, whose first contender is what the others are compared with. */
  readonly case: string;
  readonly target: string;
  /** Who stands in the line; the first is ours. */
  readonly contenders: readonly string[];
}

const PEERS = ['promenade', 'prom-client', '@prometheus-io/client', 'OpenTelemetry'];

const CLAIMS: readonly Claim[] = [
  core('a bound counter', 'counter bound', 'prom-client takes 50 times as long'),
  core('a bound histogram', 'histogram bound', 'prom-client takes 20 times as long'),
  {
    ...core('a bound counter in shared files', 'counter bound', '1.3 times the heap at most'),
    contenders: ['promenade (mapped)'],
  },
  core('a counter, 3 labels looked up', 'counter looked up', 'the first two peers take 5 times as long'),
  core('a histogram, 3 labels looked up', 'histogram looked up', 'the first two peers take 5 times as long'),
  exposition('a page of 140,000 lines', 'page', 'prom-client takes 5 times as long'),
  exposition('the event loop held by it', 'page: event loop held', '10 ms at most'),
  {
    what: 'a scrape of 8 processes with 1,000 histogram series each',
    topic: 'multiprocess',
    case: '8 processes',
    target: "prom-client's cluster takes 20 times as long",
    contenders: PEERS,
  },
  http('requests a second, Fastify', 'fastify: requests', 'fastify-metrics'),
  http('requests a second, Express', 'express: requests', 'express-prom-bundle'),
  adapter('added to a read by ioredis', 'ioredis: a get, Redis: added by measuring it'),
  adapter('added to a statement of better-sqlite3', 'better-sqlite3: a get: added by measuring it'),
  adapter('added to a read of lru-cache', 'lru-cache: a get: added by measuring it'),
  { what: 'import', topic: 'import', case: 'import', target: '30 ms at most', contenders: PEERS },
];

function core(what: string, name: string, target: string): Claim {
  return { what, topic: 'core', case: name, target, contenders: PEERS };
}

function exposition(what: string, name: string, target: string): Claim {
  return { what, topic: 'exposition', case: name, target, contenders: PEERS };
}

function adapter(what: string, name: string): Claim {
  return { what, topic: 'adapters', case: name, target: '2 µs at most', contenders: PEERS };
}

function http(what: string, name: string, peer: string): Claim {
  return { what, topic: 'http', case: name, target: '0.95 of without at least', contenders: ['promenade', peer] };
}

/**
 * The table for README.md: of every claim whose topic was measured, the target and what was found.
 */
export function claimsTable(topics: readonly TopicResult[]): string {
  const rows = CLAIMS.flatMap(({ what, target, ...claim }) => {
    const found = topics.find(({ topic }) => topic === claim.topic)?.results.find(({ name }) => name === claim.case);
    if (found === undefined) return [];
    const cells = claim.contenders.flatMap((name) => {
      const index = found.contenders.findIndex((contender) => contender.name === name);
      if (index < 0) return [];
      const { value, ratio } = found.contenders[index]!;
      const times = index === 0 ? '' : `: ${toRange(ratio)} times`;
      return [`${name} ${toDigits(value)} ${found.unit}${times}`];
    });
    return [`| ${what} | ${target} | ${cells[0]} | ${cells.slice(1).join('; ')} |`];
  });
  return ['| what | target | measured | beside it |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

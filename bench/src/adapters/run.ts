import assert from 'node:assert/strict';
import { Child } from '../harness/child.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { compare } from '../harness/statistics.ts';

/**
 * `run`: does it so often, and answers how many microseconds of processor time each took;
 * `counted`: how often it was done, as who measures it has it.
 */
export type Task = { readonly kind: 'counted' } | { readonly kind: 'run'; readonly operations: number };

interface Library {
  /** The program beside this one that uses it. */
  readonly program: string;
  /** What it does. */
  readonly name: string;
  /** Who measures it. */
  readonly contenders: readonly string[];
  /** Where the server is; else there is none, or one in the process, or the program knows. */
  readonly server?: string;
  /** How often it does it in a round; a multiple of 1000. */
  readonly operations: number;
}

const WITHOUT = 'without';
const BOTH = ['promenade', 'OpenTelemetry'];
const POSTGRES = process.env['POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const MYSQL = process.env['MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql';

const LIBRARIES: readonly Library[] = [
  { program: 'pg', name: 'pg: a query', contenders: BOTH, operations: 20_000 },
  { program: 'pg', name: 'pg: a query, PostgreSQL', contenders: BOTH, server: POSTGRES, operations: 4000 },
  { program: 'mysql2', name: 'mysql2: a query', contenders: BOTH, operations: 20_000 },
  { program: 'mysql2', name: 'mysql2: a query, MariaDB', contenders: BOTH, server: MYSQL, operations: 4000 },
  { program: 'better-sqlite3', name: 'better-sqlite3: a get', contenders: ['promenade'], operations: 100_000 },
  { program: 'ioredis', name: 'ioredis: a get, Redis', contenders: BOTH, operations: 20_000 },
  { program: 'lru-cache', name: 'lru-cache: a get', contenders: ['promenade'], operations: 1_000_000 },
];

/** What it costs to measure a library's calls. */
export async function run(quick: boolean): Promise<TopicResult> {
  const results: CaseResult[] = [];
  for (const library of LIBRARIES) results.push(...(await measure(library, quick)));
  return {
    topic: 'adapters',
    about:
      'Microseconds of processor time that a call takes with nobody who measures it and with each contender, and what each adds to it. Servers are in the same process and answer at once, ' +
      'unless they are named: so that what measuring adds is not lost on the way. OpenTelemetry makes spans, which are thrown away, and for pg metrics too. Lower is better.',
    results,
  };
}

async function measure(
  { program, name, contenders, server, operations }: Library,
  quick: boolean,
): Promise<CaseResult[]> {
  console.log(`adapters: ${name}`);
  const script = new URL(`./${program}.js`, import.meta.url);
  const args = server === undefined ? [] : [server];
  const children = [WITHOUT, ...contenders].map((contender) => new Child<Task>(contender, script, { args }));
  const samples = children.map((child) => ({ name: child.name, values: [] as number[] }));
  let done = 0;
  const round = async (times: number): Promise<void> => {
    // Forwards and backwards in turn, so that nobody is always the first.
    const order = [...children.keys()];
    for (const i of samples[0]!.values.length % 2 === 0 ? order : order.toReversed()) {
      samples[i]!.values.push(await children[i]!.ask<number>({ kind: 'run', operations: times }));
    }
    done += times;
  };
  try {
    // Each program asserts what it is answered; and who measures must have seen all.
    await round(quick ? 1000 : operations);
    for (const { values } of samples) values.length = 0;
    for (let i = 0; i < (quick ? 3 : 15); i++) await round(quick ? 1000 : operations);
    for (const child of children.slice(1)) {
      assert.equal(await child.ask<number>({ kind: 'counted' }), done, `${name}, ${child.name}`);
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
  const [without, ...measured] = samples;
  const added = measured.map((each) => ({
    name: each.name,
    values: each.values.map((value, i) => value - without!.values[i]!),
  }));
  return [
    { name, unit: 'µs', contenders: compare(samples) },
    { name: `${name}: added by measuring it`, unit: 'µs', contenders: compare(added) },
  ];
}

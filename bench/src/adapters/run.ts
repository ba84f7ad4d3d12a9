import assert from 'node:assert/strict';
import { Child } from '../harness/child.ts';
import type { CaseResult, TopicResult } from '../harness/report.ts';
import { compare } from '../harness/statistics.ts';
import type { Task } from './process.ts';
import { WITHOUT } from './subject.ts';

const SCRIPT = new URL('./process.js', import.meta.url);

interface Library {
  /** The module beside this one that opens it. */
  readonly library: string;
  /** What it does. */
  readonly name: string;
  /** Who measures it, beside nobody. */
  readonly contenders: readonly string[];
  /** Where a real server is; nothing for one in the process, or none. */
  readonly server?: string;
  /** How often it is done in a round. */
  readonly times: number;
}

const PG = { library: 'pg', contenders: ['promenade', '@opentelemetry/instrumentation-pg'] };
const MYSQL2 = { library: 'mysql2', contenders: ['promenade', '@opentelemetry/instrumentation-mysql2'] };
const POSTGRES_URL = process.env['POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const MYSQL_URL = process.env['MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql';

const LIBRARIES: readonly Library[] = [
  { ...PG, name: 'pg: a query', times: 20_000 },
  { ...PG, name: 'pg: a query, PostgreSQL', server: POSTGRES_URL, times: 5000 },
  { ...MYSQL2, name: 'mysql2: a query', times: 20_000 },
  { ...MYSQL2, name: 'mysql2: a query, MariaDB', server: MYSQL_URL, times: 5000 },
];

/** What measuring a library's calls costs. */
export async function run(quick: boolean): Promise<TopicResult> {
  const results: CaseResult[] = [];
  for (const library of LIBRARIES) results.push(...(await measure(library, quick)));
  return {
    topic: 'adapters',
    about:
      'Microseconds of CPU that a call takes with nobody who measures it and with each contender, and what each adds to it. Servers are in the same process and answer at once, unless ' +
      'they are named: so that what measuring adds is not lost in a network. OpenTelemetry has metrics and no tracing; its instrumentation of mysql2 makes spans only. Lower is better.',
    results,
  };
}

async function measure({ library, name, contenders, server, times }: Library, quick: boolean): Promise<CaseResult[]> {
  console.log(`adapters: ${name}`);
  const args = [library, ...(server === undefined ? [] : [server])];
  const children = [WITHOUT, ...contenders].map((contender) => new Child<Task>(contender, SCRIPT, { args }));
  const samples = children.map((child) => ({ name: child.name, values: [] as number[] }));
  try {
    const answers: string[] = [];
    for (const child of children) answers.push(await child.ask<string>({ kind: 'answer' }));
    for (const answer of answers) assert.equal(answer, answers[0]);
    let done = 1;
    const round = async (reverse: boolean, count: number): Promise<void> => {
      const order = children.map((_, i) => i);
      for (const i of reverse ? order.toReversed() : order) {
        const took = await children[i]!.ask<number>({ kind: 'run', times: count });
        samples[i]!.values.push(took);
      }
      done += count;
    };
    await round(false, quick ? 1000 : times);
    for (const { values } of samples) values.length = 0;
    for (let i = 0; i < (quick ? 3 : 15); i++) await round(i % 2 === 1, quick ? 500 : times);
    for (const child of children) {
      const counted = await child.ask<number | null>({ kind: 'counted' });
      if (counted !== null) assert.equal(counted, done, child.name);
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

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { claimsTable } from './claims.ts';
import { toDigits, toRange } from './digits.ts';
import type { CaseResult, TopicResult } from './results.ts';

interface StoredResult extends TopicResult {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
}

const RESULTS = new URL('../../results/', import.meta.url);
const TOPICS = ['core', 'exposition', 'multiprocess', 'serve', 'http', 'adapters', 'memory', 'import'];

const PEERS = [
  'prom-client',
  '@prometheus-io/client',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/exporter-prometheus',
  'fastify',
  'fastify-metrics',
  'express',
  'express-prom-bundle',
  'ioredis',
  'better-sqlite3',
  'lru-cache',
  '@opentelemetry/instrumentation-ioredis',
];

/** Prints a topic's tables. */
export function print(result: TopicResult): void {
  console.log(`\n${toTables(result)}\n`);
}

/**
 * Keeps a topic's numbers in results/, and rewrites results/README.md from those of all topics.
 */
export async function keep(result: TopicResult, command: string): Promise<void> {
  const stored: StoredResult = {
    ...result,
    date: new Date().toISOString().slice(0, 10),
    command,
    machine: `${cpus()[0]!.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    versions: versions(),
  };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL(`${result.topic}.json`, RESULTS), `${JSON.stringify(stored, undefined, 2)}\n`);
  await writeReadme();
}

async function writeReadme(): Promise<void> {
  const files = new Set(await readdir(RESULTS));
  const all: StoredResult[] = [];
  for (const topic of TOPICS.filter((name) => files.has(`${name}.json`))) {
    all.push(JSON.parse(await readFile(new URL(`${topic}.json`, RESULTS), 'utf8')) as StoredResult);
  }
  const sections = all.map((stored) => {
    const libraries = Object.entries(stored.versions).map(([name, version]) => `${name} ${version}`);
    const made = `${stored.date}, \`${stored.command}\`, ${stored.machine}; ${libraries.join(', ')}.`;
    return `## ${stored.topic}\n\n${stored.about}\n\n${toTables(stored)}\n\n${made}\n`;
  });
  const head =
    '# Results\n\nWritten by `npm run bench`. Numbers are medians, with the smallest and the largest in brackets; `times` is the ratio of ' +
    'the medians, with the smallest and the largest ratio within one round, in which the contenders ran one after the other.\n';
  await writeFile(new URL('README.md', RESULTS), [head, `${claimsTable(all)}\n`, ...sections].join('\n'));
}

function toTables({ results }: TopicResult): string {
  return results.map(toTable).join('\n\n');
}

function toTable({ name, unit, contenders }: CaseResult): string {
  const withBytes = contenders.some(({ bytes }) => bytes !== undefined);
  const rows = contenders.map((contender, i) => [
    contender.name,
    `${toDigits(contender.value)} (${toDigits(contender.min)}-${toDigits(contender.max)})`,
    i === 0 ? '1' : toRange(contender.ratio),
    ...(withBytes ? [String(contender.bytes)] : []),
  ]);
  const head = [name, unit, 'times', ...(withBytes ? ['bytes'] : [])];
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const found: Record<string, string> = { node: process.versions.node };
  for (const name of PEERS) {
    const path = require.resolve.paths(name)!.map((folder) => `${folder}/${name}/package.json`);
    for (const candidate of path) {
      try {
        found[name] = (require(candidate) as { version: string }).version;
        break;
      } catch {
        // not in this node_modules
      }
    }
  }
  return found;
}

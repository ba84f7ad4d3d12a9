import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import type { Ratio } from './statistics.ts';

/** What one contender took for one thing. */
interface ContenderResult {
  readonly name: string;
  /** The median, in the topic's unit. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Bytes of the heap an operation. */
  readonly bytes?: number;
  /** How many times the reference's value it is. */
  readonly ratio: Ratio;
}

/** What a topic's run found. */
export interface TopicResult {
  readonly topic: string;
  readonly unit: string;
  /** The contender that the ratios relate to. */
  readonly reference: string;
  readonly results: ReadonlyArray<{ readonly name: string; readonly contenders: readonly ContenderResult[] }>;
}

interface StoredResult extends TopicResult {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
}

const RESULTS = new URL('../../results/', import.meta.url);

const PEERS = [
  'prom-client',
  '@prometheus-io/client',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/exporter-prometheus',
  'fastify-metrics',
  'express-prom-bundle',
];

/** Prints a topic's table and keeps its numbers in results/. */
export async function report(result: TopicResult, command: string): Promise<void> {
  console.log(`\n${toTable(result)}\n`);
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

/** results/README.md, from all topics' numbers. */
async function writeReadme(): Promise<void> {
  const files = (await readdir(RESULTS)).filter((name) => name.endsWith('.json')).sort();
  const sections = [];
  for (const file of files) {
    const stored = JSON.parse(await readFile(new URL(file, RESULTS), 'utf8')) as StoredResult;
    const libraries = Object.entries(stored.versions).map(([name, version]) => `${name} ${version}`);
    const made = `${stored.date}, \`${stored.command}\`, ${stored.machine}; ${libraries.join(', ')}.`;
    sections.push(`## ${stored.topic}\n\n${toTable(stored)}\n\n${made}\n`);
  }
  const head =
    '# Results\n\nWritten by `npm run bench`. Numbers are medians, with the smallest and the largest in brackets; `times` is the ratio of ' +
    "the medians to promenade's, with the smallest and the largest ratio within one round.\n";
  await writeFile(new URL('README.md', RESULTS), [head, ...sections].join('\n'));
}

function toTable({ results, unit, reference }: TopicResult): string {
  const rows = results.flatMap(({ name, contenders }) =>
    contenders.map((contender) => [
      name,
      contender.name,
      `${toDigits(contender.value)} (${toDigits(contender.min)}-${toDigits(contender.max)})`,
      contender.bytes === undefined ? '' : String(contender.bytes),
      contender.name === reference
        ? '1'
        : `${toDigits(contender.ratio.median)} (${toDigits(contender.ratio.min)}-${toDigits(contender.ratio.max)})`,
    ]),
  );
  const withBytes = rows.some((row) => row[3] !== '');
  const cells = [['', 'contender', unit, 'bytes', 'times'], ['---', '---', '---:', '---:', '---:'], ...rows];
  return cells.map((row) => `| ${row.filter((_, i) => withBytes || i !== 3).join(' | ')} |`).join('\n');
}

function toDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
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

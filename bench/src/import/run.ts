import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TopicResult } from '../harness/results.ts';
import { compare } from '../harness/statistics.ts';

const MODULES: Readonly<Record<string, readonly string[]>> = {
  promenade: ['promenade'],
  'promenade/fastify': ['promenade/fastify'],
  'promenade/express': ['promenade/express'],
  'prom-client': ['prom-client'],
  '@prometheus-io/client': ['@prometheus-io/client'],
  OpenTelemetry: ['@opentelemetry/sdk-metrics', '@opentelemetry/exporter-prometheus'],
};
const NOTHING = 'nothing';
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const execute = promisify(execFile);

/** What an import takes, each in a new process, in turns. */
export async function run(quick: boolean): Promise<TopicResult> {
  const contenders = Object.entries({ [NOTHING]: [], ...MODULES });
  const imports = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  const lifetimes = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  console.log(`import: ${contenders.length - 1} libraries`);
  // The first round fills the system's caches.
  for (let round = -1; round < (quick ? 3 : 25); round++) {
    for (const [name, modules] of contenders) {
      const start = performance.now();
      const importMs = await importMsOf(modules);
      const lifetimeMs = performance.now() - start;
      if (round < 0) continue;
      imports.get(name)!.push(importMs);
      lifetimes.get(name)!.push(lifetimeMs);
    }
  }
  imports.delete(NOTHING);
  const toSamples = (all: ReadonlyMap<string, number[]>) => [...all].map(([name, values]) => ({ name, values }));
  return {
    topic: 'import',
    about: 'What an import takes in a new process, and how long a process lasts that imports and does nothing else.',
    results: [
      { name: 'import', unit: 'ms', contenders: compare(toSamples(imports)) },
      { name: 'process that imports', unit: 'ms', contenders: compare(toSamples(lifetimes)) },
    ],
  };
}

async function importMsOf(modules: readonly string[]): Promise<number> {
  const imports = modules.map((name) => `await import(${JSON.stringify(name)});`).join('');
  const script = `const start = performance.now(); ${imports} console.log(performance.now() - start)`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', script], { cwd: FOLDER });
  return Number(stdout);
}

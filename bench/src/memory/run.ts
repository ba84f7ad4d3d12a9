import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { compare } from '../harness/statistics.ts';

const CONTENDERS = ['promenade', 'prom-client', '@prometheus-io/client'] as const;
const KINDS = ['counter', 'histogram'] as const;
const SHAPES = ['one a route', 'many a route'] as const;
const SCRIPT = fileURLToPath(new URL('./process.js', import.meta.url));
const execute = promisify(execFile);

/** Bytes a series on the heap and in cells, each kind of metric in a process of its own. */
export async function run(quick: boolean): Promise<TopicResult> {
  const results: CaseResult[] = [];
  for (const kind of KINDS) {
    for (const shape of SHAPES) {
      const name = `${kind}, ${shape}`;
      console.log(`memory: ${name}`);
      const samples = CONTENDERS.map((contender) => ({ name: contender, values: [] as number[] }));
      for (let round = 0; round < (quick ? 1 : 3); round++) {
        for (const { name: contender, values } of samples) {
          const { stdout } = await execute(process.execPath, ['--expose-gc', SCRIPT, contender, kind, shape]);
          values.push(Number(stdout));
        }
      }
      results.push({ name, unit: 'bytes', contenders: compare(samples) });
    }
  }
  return {
    topic: 'memory',
    about:
      'What a series takes, in bytes of the heap and of cells beside it, of 100,000 series with three labels ' +
      '(method, route and status) in one family: one series a route, or twenty. The label values themselves are ' +
      "the application's, and are not counted.",
    results,
  };
}

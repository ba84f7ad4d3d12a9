import { parseArgs } from 'node:util';
import { report, type TopicResult } from './harness/report.ts';

type Run = (quick: boolean) => Promise<TopicResult>;

const TOPICS: Readonly<Record<string, () => Promise<{ run: Run }>>> = {
  core: () => import('./core/run.ts'),
};

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((topic) => !Object.hasOwn(TOPICS, topic));
if (unknown.length > 0) {
  console.error(`no such topic: ${unknown.join(', ')}; there are ${Object.keys(TOPICS).join(', ')}`);
  process.exit(1);
}
for (const topic of positionals.length > 0 ? positionals : Object.keys(TOPICS)) {
  const { run } = await TOPICS[topic]!();
  const result = await run(values.quick);
  await report(result, ['npm run bench --', topic, ...(values.quick ? ['--quick'] : [])].join(' '));
}

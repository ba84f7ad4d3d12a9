import { answerTasks } from '../harness/answer-tasks.ts';
import type { Subject } from './subject.ts';

/** `answer`: what the subject answers; `run`: microseconds of CPU that each of so many took; `counted`: how many were counted, or null. */
export type Task = { readonly kind: 'answer' | 'counted' } | { readonly kind: 'run'; readonly times: number };

const [contender, library, server] = process.argv.slice(2) as [string, string, string | undefined];
const { open } = (await import(`./${library}.js`)) as {
  open(name: string, server: string | undefined): Promise<Subject>;
};
const subject = await open(contender, server || undefined);

answerTasks(async (task: Task) => {
  if (task.kind === 'answer') return JSON.stringify(await subject.once());
  if (task.kind === 'counted') return (await subject.counted?.()) ?? null;
  const before = process.cpuUsage();
  for (let i = 0; i < task.times; i++) await subject.once();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / task.times;
});

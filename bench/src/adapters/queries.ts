import assert from 'node:assert/strict';
import type { Registry } from 'promenade';
import { type Counter } from 'promenade';
import { answerTasks } from '../harness/answer-tasks.ts';
import { processorTime } from './processor-time.ts';
import type { Task } from './run.ts';

/**
 * Answers the tasks of a driver's process.
 * @param once Makes the query `select 7 as n`.
 * @param spans How many there were so far.
 */
export function answerQueries(
  registry: Registry,
  system: string,
  once: () => Promise<unknown>,
  spans: (() => number) | undefined,
): void {
  answerTasks((task: Task) => {
    if (task.kind === 'counted') {
      if (spans) return spans();
      const executions = registry.get('db_client_executions') as unknown as Counter<'db' | 'system' | 'operation'>;
      return executions.labels({ db: 'default', system, operation: 'select' }).value;
    }
    const { operations } = task;
    return processorTime(operations, async () => {
      let rows: unknown;
      for (let i = 0; i < operations; i++) rows = await once();
      assert.equal(JSON.stringify(rows), '[{"n":7}]');
    });
  });
}

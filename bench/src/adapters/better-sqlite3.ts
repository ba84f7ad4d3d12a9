import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { type Counter, Registry } from 'promenade';
import { instrumentBetterSqlite3 } from 'promenade/better-sqlite3';
import { answerTasks } from '../harness/answer-tasks.ts';
import { processorTime } from './processor-time.ts';
import type { Task } from './run.ts';

const ROWS = 1000;
const registry = new Registry();
const database = new Database(':memory:');
database.exec('create table devices (id integer primary key, name text)');
const insert = database.prepare('insert into devices values (?, ?)');
for (let id = 0; id < ROWS; id++) insert.run(id, `device ${id}`);
if (process.argv[2] === 'promenade') instrumentBetterSqlite3(database, { registry });
const select = database.prepare<[number], { id: number; name: string }>('select id, name from devices where id = ?');

answerTasks((task: Task) => {
  if (task.kind === 'counted') {
    const executions = registry.get('db_client_executions') as unknown as Counter<'db' | 'system' | 'operation'>;
    return executions.labels({ db: 'default', system: 'sqlite', operation: 'select' }).value;
  }
  const { operations } = task;
  return processorTime(operations, () => {
    let sum = 0;
    for (let i = 0; i < operations; i++) sum += select.get(i % ROWS)!.id;
    assert.equal(sum, ((ROWS - 1) / 2) * operations);
  });
});

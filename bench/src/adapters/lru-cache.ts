import assert from 'node:assert/strict';
import { LRUCache } from 'lru-cache';
import { type Counter, Registry } from 'promenade';
import { instrumentLruCache } from 'promenade/lru-cache';
import { answerTasks } from '../harness/answer-tasks.ts';
import { processorTime } from './processor-time.ts';
import type { Task } from './run.ts';

const KEYS = 1000;
const registry = new Registry();
const cache = new LRUCache<string, number>({ max: KEYS });
if (process.argv[2] === 'promenade') instrumentLruCache(cache, { registry });
const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}`);
for (const [i, key] of keys.entries()) cache.set(key, i);

answerTasks((task: Task) => {
  if (task.kind === 'counted') {
    const gets = registry.get('cache_gets') as unknown as Counter<'cache' | 'backend' | 'result'>;
    return gets.labels({ cache: 'default', backend: 'memory', result: 'hit' }).value;
  }
  const { operations } = task;
  return processorTime(operations, () => {
    let sum = 0;
    for (let i = 0; i < operations; i++) sum += cache.get(keys[i % KEYS]!)!;
    assert.equal(sum, ((KEYS - 1) / 2) * operations);
  });
});

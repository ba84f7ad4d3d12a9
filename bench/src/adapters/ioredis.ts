import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { type Counter, Registry } from 'promenade';
import { instrumentIoredis } from 'promenade/ioredis';
import { answerTasks } from '../harness/answer-tasks.ts';
import { processorTime } from './processor-time.ts';
import type { Task } from './run.ts';

/** Reads that are on their way at once. */
const AT_ONCE = 50;
const KEY = `promenade-bench:${process.pid}`;
const contender = process.argv[2];
const require = createRequire(import.meta.url);
const registry = new Registry();
let spans = 0;

if (contender === 'OpenTelemetry') {
  const { IORedisInstrumentation } =
    require('@opentelemetry/instrumentation-ioredis') as typeof import('@opentelemetry/instrumentation-ioredis');
  const { BasicTracerProvider } =
    require('@opentelemetry/sdk-trace-base') as typeof import('@opentelemetry/sdk-trace-base');
  const thrownAway = {
    onStart: () => {},
    onEnd: () => void spans++,
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const instrumentation = new IORedisInstrumentation({ requireParentSpan: false });
  instrumentation.setTracerProvider(new BasicTracerProvider({ spanProcessors: [thrownAway] }));
  instrumentation.enable();
}
const { Redis: Client } = require('ioredis') as typeof import('ioredis');
const client: Redis = new Client(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
if (contender === 'promenade') instrumentIoredis(client, { registry });
await client.set(KEY, 'x', 'EX', 600);
spans = 0;

answerTasks((task: Task) => {
  if (task.kind === 'counted') {
    if (contender === 'OpenTelemetry') return spans;
    const gets = registry.get('cache_gets') as unknown as Counter<'cache' | 'backend' | 'result'>;
    return gets.labels({ cache: 'default', backend: 'redis', result: 'hit' }).value;
  }
  const { operations } = task;
  return processorTime(operations, async () => {
    for (let i = 0; i < operations; i += AT_ONCE) {
      const values = await Promise.all(Array.from({ length: AT_ONCE }, () => client.get(KEY)));
      assert(values.every((value) => value === 'x'));
    }
  });
});

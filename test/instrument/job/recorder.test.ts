import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { Registry } from '../../../src/core/registry.ts';
import { observeSelf } from '../../../src/core/self-metrics.ts';
import type { QueuePlace } from '../../../src/instrument/job/queue-names.ts';
import { JobRecorder } from '../../../src/instrument/job/recorder.ts';
import { MappedStore } from '../../../src/store/mapped-store.ts';
import { outcomes } from '../../contracts/job.contract.ts';
import { temporaryDirectory } from '../../multiprocess/children.ts';
import { Numbers } from '../../support/http-numbers.ts';

/** A process, as far as a directory sees it. */
function member(
  directory: string,
  role: string = 'worker',
): { registry: Registry; recorder: JobRecorder; skip(): void } {
  let skipped = 0;
  const registry = new Registry({
    openStore: () => new MappedStore({ directory, role }),
    clock: { now: Date.now, sharedMs: () => systemClock.sharedMs() + skipped },
    refreshSeconds: 1000,
  });
  onTestFinished(() => registry.close());
  return { registry, recorder: JobRecorder.of({ registry }), skip: () => (skipped += 5000) };
}

/** A family has no number where no process lives that has one. */
function total(numbers: Numbers, name: string): number {
  return numbers.has(name) ? numbers.value(name) : 0;
}

test('a run has one outcome, the first; one that is left has none', async () => {
  const registry = new Registry();
  const recorder = JobRecorder.of({ registry });
  const run = recorder.started('q', 'j', -1);
  run.end('retried');
  run.end('failed');
  run.leave();
  const left = recorder.started('q', 'j', Number.NaN);
  left.leave();
  left.end('failed');
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ retried: 1 });
  expect(numbers.value('job_started')).toBe(2);
  expect(numbers.value('job_running')).toBe(0);
  expect([numbers.count('job_wait_seconds'), numbers.sum('job_wait_seconds')]).toEqual([1, 0]);
});

test('the first failure and the first stall of a job can be seen: they come after a 0', async () => {
  const registry = new Registry();
  const recorder = JobRecorder.of({ registry });
  const run = recorder.started('q', 'j');
  const zeros = (await Numbers.of(registry))
    .series('job_finished')
    .map(({ labels, value }) => [labels['outcome'], value]);
  expect(Object.fromEntries(zeros)).toEqual({ succeeded: 0, failed: 0, stalled: 0 });
  run.end('failed');
  recorder.diedElsewhere('q', 'found');
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ failed: 1, stalled: 1 });
  expect(numbers.series('job_finished', { job_name: 'found' })).toHaveLength(3);
});

test('numbers that are none are left out, and hide nothing else', async () => {
  const registry = new Registry();
  const recorder = JobRecorder.of({ registry });
  for (const wait of [Infinity, -Infinity, Number.NaN, '7' as never, null as never]) {
    recorder.started('q', 'j', wait).end('succeeded');
  }
  for (const count of [Infinity, Number.NaN, -1, 0]) recorder.enqueued('q', 'j', count);
  recorder.enqueued('q', 'j', 2);
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ succeeded: 5 });
  expect([numbers.value('job_started'), numbers.value('job_running'), numbers.value('job_enqueued')]).toEqual([
    5, 0, 2,
  ]);
  expect(numbers.series('job_wait_seconds')).toEqual([]);
});

test('sizes in text and as bigints are numbers; what is none is an error of its state alone', async () => {
  const registry = new Registry();
  observeSelf(registry);
  const sizes = { waiting: '7', active: 8n, delayed: 9, failed: 'many', old: '', lost: undefined as never };
  JobRecorder.of({ registry }).watchQueue('q', async () => sizes);
  const numbers = await Numbers.of(registry);
  const shown = numbers.series('job_queue_size').map(({ labels, value }) => [labels['state'], value]);
  expect(Object.fromEntries(shown)).toEqual({ waiting: 7, active: 8, delayed: 9 });
  expect((await Numbers.of(registry)).value('metrics_collect_errors', { family: 'job_queue_size' })).toBe(1);
});

test('queues of one name in two places are two, by the same labels in all processes', async () => {
  const directory = temporaryDirectory();
  const place = (id: string): QueuePlace => ({ id, longerNames: (name) => [`${id}:${name}`] });
  const [a, b] = [place('a'), place('b')];
  const first = member(directory).recorder;
  expect(first.queueName('mail', a)).toBe('mail');
  expect(first.queueName('mail', b)).toBe('b:mail');
  // Another process meets them the other way round.
  const second = member(directory).recorder;
  for (let i = 0; i < 2; i++) {
    expect(second.queueName('mail', b)).toBe('b:mail');
    expect(second.queueName('mail', a)).toBe('mail');
    expect(second.queueName('post', b)).toBe('post');
  }
  expect(first.queueName('post', a)).toBe('a:post');
});

test('names that are ids cost no more than a thousand series', async () => {
  const registry = new Registry();
  const recorder = JobRecorder.of({ registry });
  for (let i = 0; i < 3000; i++) recorder.started(`q${i % 2}`, `j${i}`).end('succeeded');
  for (let i = 0; i < 1000; i++) recorder.enqueued(`queue ${i}`, 'j');
  const numbers = await Numbers.of(registry);
  expect(numbers.value('job_started')).toBe(3000);
  expect(numbers.value('job_finished')).toBe(3000);
  expect(numbers.value('job_started', { queue: 'q0', job_name: '<overflow>' })).toBe(1000);
  expect(numbers.value('job_enqueued')).toBe(1000);
  expect(numbers.labelValues('job_started', 'job_name')).toHaveLength(1001);
  expect(numbers.labelValues('job_enqueued', 'queue').length).toBeLessThanOrEqual(201);
});

test('runs of a dead process are ended once, by the one that has its slot', async () => {
  const directory = temporaryDirectory();
  const dead = member(directory);
  dead.recorder.started('q', 'a').end('succeeded');
  for (const job of ['a', 'a', 'b']) dead.recorder.started('q', job);
  dead.recorder.started('another', 'a');
  dead.registry.close();

  const next = member(directory);
  next.recorder.started('q', 'b');
  for (let i = 0; i < 2; i++) next.recorder.endRunsOfThePast('q');
  const other = member(directory);
  other.recorder.endRunsOfThePast('q');
  const numbers = await Numbers.of(next.registry);
  // What began before anybody looked may be of this process.
  expect(numbers.value('job_finished', { queue: 'q', job_name: 'a', outcome: 'stalled' })).toBe(2);
  expect(outcomes(numbers)).toEqual({ succeeded: 1, stalled: 2 });
  expect(numbers.value('job_running')).toBe(1);
  next.recorder.endRunsOfThePast('another', 'a');
  expect(outcomes(await Numbers.of(next.registry))).toEqual({ succeeded: 1, stalled: 3 });
});

test('a queue is asked by one process of a directory, and by another when that has gone', async () => {
  const directory = temporaryDirectory();
  const [first, second] = [member(directory), member(directory)];
  const [ask, askToo] = [vi.fn(async () => ({ waiting: 7, active: 1 })), vi.fn(async () => ({ waiting: 8 }))];
  const end = first.recorder.watchQueue('q', ask);
  second.recorder.watchQueue('q', askToo);
  for (let i = 0; i < 3; i++) {
    for (const { registry } of [first, second]) {
      const numbers = await Numbers.of(registry);
      expect(numbers.value('job_queue_size', { queue: 'q', state: 'waiting' })).toBe(7);
      expect(numbers.value('job_queue_size')).toBe(8);
    }
  }
  // However often the page is asked for, the queue is not.
  expect([ask.mock.calls.length, askToo.mock.calls.length]).toEqual([1, 0]);
  first.skip();
  await first.registry.snapshot();
  expect(ask).toHaveBeenCalledTimes(2);
  end();
  second.skip();
  expect((await Numbers.of(second.registry)).value('job_queue_size')).toBe(8);
  expect((await Numbers.of(first.registry)).series('job_queue_size')).toHaveLength(1);
  expect(askToo).toHaveBeenCalledTimes(1);
});

test('a queue that hangs or fails holds up no other, and is not asked again before it has answered', async () => {
  const registry = new Registry();
  observeSelf(registry);
  const recorder = JobRecorder.of({ registry });
  const hanging = vi.fn(() => new Promise<never>(() => {}));
  recorder.watchQueue('hangs', hanging);
  const forget = recorder.watchQueue('fails', () => Promise.reject(new Error('no')));
  recorder.watchQueue('works', async () => ({ waiting: 1 }));
  const numbers = await Numbers.of(registry);
  expect(numbers.series('job_queue_size').map(({ labels }) => labels['queue'])).toEqual(['works']);
  expect((await Numbers.of(registry)).value('metrics_collect_errors')).toBe(1);
  forget();
  expect(hanging).toHaveBeenCalledTimes(1);
});

test('a process that gets no answer leaves the question to another', async () => {
  const directory = temporaryDirectory();
  const first = member(directory);
  const refuse = vi.fn(() => Promise.reject(new Error('no')));
  first.recorder.watchQueue('q', refuse);
  expect((await Numbers.of(first.registry)).series('job_queue_size')).toEqual([]);
  expect(refuse).toHaveBeenCalledTimes(1);
  // It has the question only once the first has given it up: registries also ask by themselves,
  // in a turn of the event loop of their own.
  const second = member(directory);
  second.recorder.watchQueue('q', async () => ({ waiting: 8 }));
  expect((await Numbers.of(second.registry)).value('job_queue_size')).toBe(8);
  first.skip();
  expect((await Numbers.of(first.registry)).value('job_queue_size')).toBe(8);
  expect(refuse).toHaveBeenCalledTimes(1);
});

test('workers are those of processes that live', async () => {
  const directory = temporaryDirectory();
  const [first, second] = [member(directory), member(directory)];
  const down = first.recorder.workerUp('q');
  second.recorder.workerUp('q');
  second.recorder.workerUp('q');
  expect((await Numbers.of(first.registry)).value('job_workers', { queue: 'q' })).toBe(3);
  down();
  down();
  second.registry.close();
  expect(total(await Numbers.of(first.registry), 'job_workers')).toBe(0);
});

test('when a job last succeeded is known when its process has gone', async () => {
  const directory = temporaryDirectory();
  const dead = member(directory);
  dead.recorder.started('q', 'j').end('succeeded');
  dead.registry.close();
  const numbers = await Numbers.of(member(directory, 'other').registry);
  const labels = { queue: 'q', job_name: 'j' };
  expect(numbers.value('job_last_success_timestamp_seconds', labels)).toBeGreaterThan(Date.now() / 1000 - 3600);
  expect(numbers.value('job_finished', labels)).toBe(1);
});

import { describe, expect, test, vi } from 'vitest';
import { measureJobQueue, uninstrument } from '../../../src/adapters/job/job/job.ts';
import { activate } from '../../../src/core/activation.ts';
import { Registry } from '../../../src/index.ts';
import { Numbers } from '../../support/http-numbers.ts';

describe('a queue of one’s own', () => {
  test('is told of by whoever has written it', async () => {
    const registry = new Registry();
    const meter = measureJobQueue('mail', { registry });
    const down = meter.worker();
    const unwatch = meter.watch(async () => ({ waiting: 7 }));
    meter.enqueued('welcome');
    meter.enqueued('reminder', 3);
    const first = meter.started('welcome', 1.5);
    const second = meter.started('reminder');
    first.end('succeeded');
    first.end('failed');
    let page = await Numbers.of(registry);
    expect(page.value('job_enqueued')).toBe(4);
    expect(page.value('job_started')).toBe(2);
    expect(page.value('job_finished', { outcome: 'succeeded' })).toBe(1);
    expect(page.value('job_finished', { outcome: 'failed' })).toBe(0);
    expect(page.sum('job_wait_seconds', { job_name: 'welcome' })).toBe(1.5);
    expect(page.value('job_running')).toBe(1);
    expect(page.value('job_workers', { queue: 'mail' })).toBe(1);
    expect(page.value('job_queue_size', { queue: 'mail', state: 'waiting' })).toBe(7);
    second.end('retried');
    down();
    down();
    unwatch();
    page = await Numbers.of(registry);
    expect(page.value('job_running')).toBe(0);
    expect(page.value('job_workers')).toBe(0);
    expect(page.value('job_finished', { job_name: 'reminder', outcome: 'retried' })).toBe(1);
  });

  test('counts nothing while metrics are off, and shows its workers when they are turned on', async () => {
    vi.stubEnv('METRICS_ENABLED', 'false');
    const registry = new Registry();
    const meter = measureJobQueue('mail', { registry });
    vi.unstubAllEnvs();
    meter.enqueued('welcome');
    meter.started('welcome').end('succeeded');
    const down = meter.worker();
    expect((await registry.snapshot()).families).toEqual([]);
    activate(registry, { namespace: '', compat: undefined });
    expect((await Numbers.of(registry)).value('job_workers')).toBe(1);
    down();
    meter.enqueued('welcome');
    const page = await Numbers.of(registry);
    expect([page.value('job_workers'), page.value('job_enqueued')]).toEqual([0, 1]);
    uninstrument(meter);
    meter.enqueued('welcome');
    expect((await Numbers.of(registry)).value('job_enqueued')).toBe(1);
  });
});

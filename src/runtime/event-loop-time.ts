import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { RuntimeFamilies } from './runtime-families.ts';

/** The ratio covers the last 30 to 60 seconds, however often it is scraped. */
const HALF_WINDOW_MS = 30_000;

/**
 * Measures how busy the event loop of this thread is: as counters, for rates over any range and
 * number of processes, and as a ratio.
 */
export function collectEventLoopTime(families: RuntimeFamilies): void {
  let seen: Pick<EventLoopUtilization, 'active' | 'idle'> = { active: 0, idle: 0 };
  const time = families.counter({
    name: 'nodejs_eventloop_time_seconds_total',
    help: 'Time that the event loop was running callbacks (active) or waiting for events (idle).',
    unit: 'seconds',
    labelNames: ['state'],
    collect: look,
  });
  const active = time.labels(families.labels({ state: 'active' }));
  const idle = time.labels(families.labels({ state: 'idle' }));
  const ratio = families
    .gauge({
      name: 'nodejs_eventloop_utilization_ratio',
      help: 'The part of the last minute that the event loop was running callbacks.',
    })
    .labels(families.labels());
  let from = performance.eventLoopUtilization();
  let middle = from;

  function look(): void {
    const now = performance.eventLoopUtilization();
    active.inc(Math.max(0, now.active - seen.active) / 1000);
    idle.inc(Math.max(0, now.idle - seen.idle) / 1000);
    seen = now;
    ratio.set(performance.eventLoopUtilization(now, from).utilization);
    if (now.active + now.idle - middle.active - middle.idle < HALF_WINDOW_MS) return;
    from = middle;
    middle = now;
  }
}

import { performance } from 'node:perf_hooks';
import { LagWindow, type LagStatistics } from './lag-window.ts';
import type { RuntimeFamilies } from './runtime-families.ts';

/**
 * An idle process that wakes ten times a second spends 1.3 ms of CPU on it; prom-client's 100 times
 * cost 5 ms.
 */
const EVERY_MS = 100;
const WINDOW_MS = 60_000;

const STATISTICS: Readonly<Record<keyof LagStatistics, readonly [name: string, help: string]>> = {
  latest: ['nodejs_eventloop_lag_seconds', 'How late the last timer was that measures the event loop.'],
  min: ['nodejs_eventloop_lag_min_seconds', 'The least lag of the last minute.'],
  max: ['nodejs_eventloop_lag_max_seconds', 'The largest lag of the last minute.'],
  mean: ['nodejs_eventloop_lag_mean_seconds', 'The mean lag of the last minute.'],
  stddev: ['nodejs_eventloop_lag_stddev_seconds', 'The standard deviation of the lags of the last minute.'],
  p50: ['nodejs_eventloop_lag_p50_seconds', 'What half of the lags of the last minute did not exceed.'],
  p90: ['nodejs_eventloop_lag_p90_seconds', 'What 90 % of the lags of the last minute did not exceed.'],
  p99: ['nodejs_eventloop_lag_p99_seconds', 'What 99 % of the lags of the last minute did not exceed.'],
};

/**
 * Measures the event loop lag of this thread with a timer. Covers the last minute, however often it
 * is scraped.
 */
export function collectEventLoopLag(families: RuntimeFamilies): () => () => void {
  let window = openWindow();
  const gauges = Object.entries(STATISTICS).map(([key, [name, help]], i) => {
    const collect = i === 0 ? { collect: look } : {};
    const gauge = families.gauge({ name, help, unit: 'seconds', ...collect });
    return [key as keyof LagStatistics, gauge.labels(families.labels())] as const;
  });

  function look(): void {
    const statistics = window.statistics();
    for (const [key, gauge] of gauges) gauge.set(statistics[key] / 1000);
  }
  return () => {
    window = openWindow();
    const timer = setInterval(() => window.fire(performance.now()), EVERY_MS).unref();
    return () => clearInterval(timer);
  };
}

function openWindow(): LagWindow {
  return new LagWindow(EVERY_MS, WINDOW_MS / EVERY_MS, performance.now());
}

import { Counter } from '../core/counter.ts';
import { Gauge } from '../core/gauge.ts';
import { Histogram } from '../core/histogram.ts';
import type { Registry } from '../core/registry.ts';

/** The families about collectors. */
export interface AppFamilies {
  readonly enabled: Gauge<'app'>;
  readonly duration: Histogram<'app' | 'collector'>;
  readonly errors: Counter<'app' | 'collector'>;
  readonly lastSuccess: Gauge<'app' | 'collector'>;
}

/**
 * Defines the families about collectors.
 *
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineAppFamilies(registry: Registry, namespace: string): AppFamilies {
  const prefix = namespace === '' ? 'app_' : `${namespace}_app_`;
  const perCollector = { labelNames: ['app', 'collector'], registry } as const;
  return {
    enabled: new Gauge({
      name: `${prefix}enabled`,
      help: 'The apps that are registered: 1, or 0 for one that METRICS_DISABLED_APPS names.',
      labelNames: ['app'],
      aggregation: 'max',
      registry,
    }),
    duration: new Histogram({
      name: `${prefix}collector_duration_seconds`,
      help: "How long an app's collector ran, until it was given up where it failed.",
      unit: 'seconds',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
      ...perCollector,
    }),
    errors: new Counter({
      name: `${prefix}collector_errors_total`,
      help: "Runs of an app's collector that failed, took too long or gave what no page can show.",
      ...perCollector,
    }),
    lastSuccess: new Gauge({
      name: `${prefix}collector_last_success_timestamp_seconds`,
      help: "When an app's collector last ran well, in seconds of the Unix epoch.",
      unit: 'seconds',
      aggregation: 'mostRecent',
      liveOnly: false,
      ...perCollector,
    }),
  };
}

import type { AnyMetric } from '../core/any-metric.ts';
import { defaultRegistry } from '../core/default-registry.ts';
import { Metric } from '../core/metric.ts';
import type { Registry as CoreRegistry } from '../core/registry.ts';
import { MetricsError } from '../errors.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { TimeSlice } from '../time-slice.ts';
import { createAside, forgetWhenCollected } from './aside.ts';
import { toPage } from './bridge.ts';
import { turnOn } from './turn-on.ts';
import type { Family, Readable } from './types.ts';

/** A metric whose numbers are a core metric's. */
export interface PageMetric extends Readable {
  readonly core: AnyMetric;
  /** What a snapshot has of it. */
  fromSnapshot(family: FamilySnapshot | undefined): Family;
  /** Called once it is off the page. */
  left?(): void;
}

export function isPageMetric(metric: Readable): metric is PageMetric {
  return (metric as Partial<PageMetric>).core instanceof Metric;
}

/**
 * Puts a metric on the page, with what it has counted. One whose names are taken there counts on
 * aside, with a warning.
 */
export function enterPage(metric: Readable, page: CoreRegistry): void {
  if (page === defaultRegistry) turnOn();
  if (!isPageMetric(metric)) return addForeign(metric, page);
  try {
    page.adopt(metric.core);
  } catch (error) {
    if (!(error instanceof MetricsError) || error.code !== 'ERR_METRICS_DUPLICATE_NAME') throw error;
    process.emitWarning(`${metric.name} is not on the metrics page: ${error.message}`, {
      code: 'WARN_METRICS_NOT_ON_PAGE',
    });
  }
}

/** Takes a metric off the page. It counts on, with what it has counted, where nobody sees it. */
export function leavePage(metric: Readable, page: CoreRegistry): void {
  foreign.get(page)?.delete(metric);
  if (!isPageMetric(metric) || !page.has(metric.core)) return;
  createAside().adopt(metric.core);
  forgetWhenCollected(metric.core);
  metric.left?.();
}

/** By page: what was registered that is no metric of ours, and is read when the page is. */
const foreign: WeakMap<CoreRegistry, Set<Readable>> = new WeakMap();

function addForeign(metric: Readable, page: CoreRegistry): void {
  const known = foreign.get(page);
  if (known) {
    known.add(metric);
    return;
  }
  const metrics = new Set([metric]);
  foreign.set(page, metrics);
  page.addSource({
    name: 'prom-client',
    read: async () => toPage(page, await Promise.all(Array.from(metrics, async (one) => one.get()))),
  });
}

/**
 * A metric's numbers, those of all processes where several share them; without bringing it up to
 * date.
 */
export async function readMetric({ name, series }: AnyMetric): Promise<FamilySnapshot | undefined> {
  const { home, family } = series;
  if (!home.store.shared) return family.read(new TimeSlice());
  const { families } = await home.read();
  return families.find(({ definition }) => definition.name === name);
}

import { environmentSettings } from '../settings/settings.ts';
import type { AnyMetric } from './any-metric.ts';
import { defaultRegistry } from './default-registry.ts';
import type { Registry } from './registry.ts';

/** How the families that instrumentation defines in a registry are named and laid out. */
export interface Activation {
  /** METRICS_NAMESPACE, without the underscore that follows it; `''` for none. */
  readonly namespace: string;
  /** METRICS_COMPAT: whose families are to be derived from these. */
  readonly compat: 'django' | undefined;
}

/** Defines families and hooks what it measures. May be called again, with another activation. */
export type Begin = (activation: Activation) => void;

/** A registry's switch. */
interface Switch {
  /** True once `promenade()` has said how families are named. */
  decided: boolean;
  /** What is in force; `undefined` while metrics are off. Until it is decided, the environment's. */
  on: Activation | undefined;
  /** What waits for metrics to be turned on. */
  readonly waiting: Set<Begin>;
  /** What has begun before it was decided, with the families that are prefixed by the namespace. */
  readonly begun: Map<Begin, readonly AnyMetric[]>;
  /** See `generationOf`. */
  generation: number;
}

const switches: WeakMap<Registry, Switch> = new WeakMap();

/**
 * Turns instrumentation of a registry on, as METRICS_ENABLED and `promenade()` have it: what waited
 * begins now, and what comes later begins at once. The first call decides on the names, also of
 * families that were defined before, which keep what they have counted.
 *
 * @throws MetricsError of the first that could not begin; the others have begun.
 */
export function activate(registry: Registry, activation: Activation): void {
  const one = switchOf(registry);
  if (one.decided) return;
  const before = one.on ?? environmentActivation();
  one.decided = true;
  one.on = activation;
  const failures: unknown[] = [];
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      failures.push(error);
    }
  };
  for (const metric of [...one.begun.values()].flat()) attempt(() => rename(registry, metric, before, activation));
  if (before.compat !== activation.compat) {
    one.generation++;
    // Families with other buckets replace those of before, which nobody has scraped.
    for (const begin of one.begun.keys()) attempt(() => registry.replacing(() => begin(activation)));
  }
  for (const begin of one.waiting) attempt(() => begin(activation));
  one.begun.clear();
  one.waiting.clear();
  if (failures.length > 0) throw failures[0];
}

/** How `whenActive` begins. */
export interface WhenActiveOptions {
  /** Begin at once, whether metrics are on or not. @default false */
  readonly now?: boolean;
  /** Whether the namespace is a prefix of the families that it defines. @default true */
  readonly prefixed?: boolean;
}

/**
 * Calls `begin` as soon as instrumentation of the registry is on: at once, when `promenade()` says
 * so, or never. So a pool may be handed over before `promenade()` or after it, and with metrics off
 * nothing is hooked. What begins before `promenade()` does so with the names of the environment;
 * `promenade()` then renames its families, and calls it again where families differ otherwise.
 *
 * @returns a function that ends the waiting.
 */
export function whenActive(registry: Registry, begin: Begin, options: WhenActiveOptions = {}): () => void {
  const one = switchOf(registry);
  const activation = one.on ?? (options.now ? environmentActivation() : undefined);
  if (activation === undefined) one.waiting.add(begin);
  else if (one.decided) begin(activation);
  else {
    const before = new Set(registry.metrics());
    one.begun.set(begin, []);
    begin(activation);
    const defined = [...registry.metrics()].filter((metric) => !before.has(metric));
    one.begun.set(begin, options.prefixed === false ? [] : defined);
  }
  return () => {
    one.waiting.delete(begin);
    one.begun.delete(begin);
  };
}

/**
 * Counts how often a registry's families have changed their layout: what was made for an earlier
 * generation, such as a recorder, has to be made again.
 */
export function generationOf(registry: Registry): number {
  return switches.get(registry)?.generation ?? 0;
}

/** Returns what the environment says, for processes in which nobody calls `promenade()`. */
export function environmentActivation(): Activation {
  const { namespace, compat } = environmentSettings(['namespace', 'compat']);
  return { namespace, compat };
}

function rename(registry: Registry, metric: AnyMetric, before: Activation, now: Activation): void {
  if (before.namespace === now.namespace || !registry.has(metric)) return;
  const prefix = before.namespace === '' ? '' : `${before.namespace}_`;
  if (!metric.name.startsWith(prefix)) return;
  registry.rename(metric, prefix, now.namespace === '' ? '' : `${now.namespace}_`);
}

function switchOf(registry: Registry): Switch {
  let one = switches.get(registry);
  if (!one) {
    const on = isOnFromStart(registry) ? environmentActivation() : undefined;
    one = { decided: false, on, waiting: new Set(), begun: new Map(), generation: 0 };
    switches.set(registry, one);
  }
  return one;
}

/**
 * The default registry is instrumented because METRICS_ENABLED says so. Another one is unless it
 * says no: somebody has named it.
 */
function isOnFromStart(registry: Registry): boolean {
  const { enabled, switchedOff } = environmentSettings(['enabled']);
  return enabled || (registry !== defaultRegistry && !switchedOff);
}

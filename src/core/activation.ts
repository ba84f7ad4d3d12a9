import { environmentSettings } from '../settings/settings.ts';
import { defaultRegistry } from './default-registry.ts';
import type { Registry } from './registry.ts';

/** How the families that instrumentation defines in a registry are named and laid out. */
export interface Activation {
  /** METRICS_NAMESPACE, without the underscore that follows it; `''` for none. */
  readonly namespace: string;
  /** METRICS_COMPAT: whose families are to be derived from these. */
  readonly compat: 'django' | undefined;
}

/** A registry's switch: it is on, or some wait for it to be. */
interface Switch {
  on: Activation | undefined;
  readonly waiting: Set<(activation: Activation) => void>;
}

const switches: WeakMap<Registry, Switch> = new WeakMap();

/**
 * Turns instrumentation of a registry on, as METRICS_ENABLED has it: what waited begins now, and
 * what comes later begins at once. The first call decides on the names; families are defined once.
 *
 * @throws MetricsError of the first that could not begin; the others have begun.
 */
export function activate(registry: Registry, activation: Activation): void {
  // Who turns it on before anything waited decides, also where the environment would have had it
  // on.
  const one = switches.get(registry) ?? { on: undefined, waiting: new Set() };
  if (one.on) return;
  one.on = activation;
  switches.set(registry, one);
  const failures: unknown[] = [];
  for (const begin of one.waiting) {
    try {
      begin(activation);
    } catch (error) {
      failures.push(error);
    }
  }
  one.waiting.clear();
  if (failures.length > 0) throw failures[0];
}

/**
 * Calls `begin` as soon as instrumentation of the registry is on: at once, or when `promenade()`
 * says so, or never. So whoever hands over a pool need not know which comes first, and where
 * metrics are off nothing is hooked.
 *
 * Returns what gives up waiting.
 */
export function whenActive(registry: Registry, begin: (activation: Activation) => void): () => void {
  const { on, waiting } = switchOf(registry);
  if (on) begin(on);
  else waiting.add(begin);
  return () => waiting.delete(begin);
}

/** Returns what the environment says, for processes in which nobody calls `promenade()`. */
export function environmentActivation(): Activation {
  const { namespace, compat } = environmentSettings(['namespace', 'compat']);
  return { namespace, compat };
}

function switchOf(registry: Registry): Switch {
  let one = switches.get(registry);
  if (!one) {
    one = { on: isOnFromStart(registry) ? environmentActivation() : undefined, waiting: new Set() };
    switches.set(registry, one);
  }
  return one;
}

/**
 * A registry of the application's own is instrumented because somebody says so; the default one
 * because the environment does.
 */
function isOnFromStart(registry: Registry): boolean {
  const { enabled, switchedOff } = environmentSettings(['enabled']);
  return enabled || (registry !== defaultRegistry && !switchedOff);
}

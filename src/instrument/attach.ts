import { type Activation, environmentActivation, whenActive } from '../core/activation.ts';
import { defaultRegistry } from '../core/default-registry.ts';
import type { Registry } from '../core/registry.ts';

/** What every `instrumentX(target, options)` takes. */
export interface InstrumentOptions {
  /** @default the default registry */
  readonly registry?: Registry | undefined;
  /**
   * Whether to instrument at all. @default what METRICS_ENABLED or `promenade()` says, also later; with a registry of your own: true, unless
   * METRICS_ENABLED is false
   */
  readonly enabled?: boolean | undefined;
}

/** Where the hooks record. */
export interface Instrumentation extends Activation {
  readonly registry: Registry;
}

/** Puts hooks on, and returns what takes them off again. */
export type Install = (instrumentation: Instrumentation) => () => void;

/** What was put on a target, by the adapter that did. */
const attachments: WeakMap<object, Map<string, () => void>> = new WeakMap();

/**
 * Instruments a target once: at once, or as soon as metrics are turned on. Who asks again, whatever the options, gets what is there.
 *
 * @param adapter The adapter's name; a target can have hooks of several.
 * @returns the target.
 * @throws MetricsError what `install` throws where families can't be defined.
 */
export function attach<T extends object>(target: T, adapter: string, options: InstrumentOptions, install: Install): T {
  const { registry = defaultRegistry, enabled } = options;
  const attached = attachments.get(target) ?? new Map<string, () => void>();
  if (enabled === false || attached.has(adapter)) return target;
  let remove: (() => void) | undefined;
  const begin = (activation: Activation): void => {
    remove = install({ ...activation, registry });
  };
  let cancel: (() => void) | undefined;
  if (enabled) begin(environmentActivation());
  else cancel = whenActive(registry, begin);
  attached.set(adapter, () => {
    cancel?.();
    remove?.();
  });
  attachments.set(target, attached);
  return target;
}

/** Takes off all hooks that were put on a target; what was counted stays. Does nothing where there are none. */
export function uninstrument(target: object): void {
  const attached = attachments.get(target);
  attachments.delete(target);
  for (const remove of attached?.values() ?? []) remove();
}

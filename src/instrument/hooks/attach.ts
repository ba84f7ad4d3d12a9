import { type Activation, environmentActivation, whenActive } from '../../core/activation.ts';
import { defaultRegistry } from '../../core/default-registry.ts';
import type { Registry } from '../../core/registry.ts';
import { MetricsError } from '../../errors.ts';
import { hookFailed } from './guard.ts';

/** What every `instrumentX(target, options)` takes. */
export interface InstrumentOptions {
  /** @default the default registry */
  readonly registry?: Registry | undefined;
  /**
   * Whether to instrument at all.
   * @default what METRICS_ENABLED or `promenade()` says, also later; with a registry of your own:
   *   true, unless METRICS_ENABLED is false
   */
  readonly enabled?: boolean | undefined;
}

/** Where the hooks record. */
export interface Instrumentation extends Activation {
  readonly registry: Registry;
}

/** Puts hooks on, and returns what takes them off again. */
export type Install = (instrumentation: Instrumentation) => () => void;

/** What was put on a target, or waits to be. */
interface Attachment {
  readonly begin: (activation: Activation) => void;
  readonly remove: () => void;
}

/** By target, then by adapter. */
const attachments: WeakMap<object, Map<string, Attachment>> = new WeakMap();

/**
 * Forgets targets that have gone while they waited: where metrics stay off, an application may make
 * one for each request.
 */
const gone: FinalizationRegistry<() => void> = new FinalizationRegistry((cancel) => cancel());

/**
 * Instruments a target once: at once, or as soon as metrics are turned on. Who asks again, whatever
 * the options, gets what is there.
 *
 * @param adapter The adapter's name; a target can have hooks of several.
 * @returns the target.
 * @throws MetricsError what `install` throws where families can't be defined. Whatever else it
 *   throws is a warning, WARN_METRICS_NOT_INSTRUMENTED.
 */
export function attach<T extends object>(target: T, adapter: string, options: InstrumentOptions, install: Install): T {
  const { registry = defaultRegistry, enabled } = options;
  const attached = attachments.get(target) ?? new Map<string, Attachment>();
  if (enabled === false || attached.has(adapter)) return target;
  let takeOff: (() => void) | undefined;
  const begin = (activation: Activation): void => {
    try {
      takeOff = install({ ...activation, registry });
    } catch (error) {
      // What was handed over has closed meanwhile, say, or is not what its type promised: no reason
      // to keep an application from its work.
      if (error instanceof MetricsError) throw error;
      notInstrumented(adapter, error);
    }
  };
  let cancel: (() => void) | undefined;
  if (enabled) begin(environmentActivation());
  else cancel = beginWhenActive(registry, target, begin);
  const remove = (): void => {
    cancel?.();
    takeOff?.();
  };
  attached.set(adapter, { begin, remove });
  attachments.set(target, attached);
  return target;
}

function notInstrumented(adapter: string, error: unknown): void {
  hookFailed(error);
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`Something can not be measured by promenade/${adapter}: ${why}`, {
    type: 'MetricsWarning',
    code: 'WARN_METRICS_NOT_INSTRUMENTED',
  });
}

/** `begin` has hold of the target, and so only the target has hold of it. */
function beginWhenActive(registry: Registry, target: object, begin: Attachment['begin']): () => void {
  const held = new WeakRef(begin);
  const cancel = whenActive(registry, (activation) => held.deref()?.(activation));
  gone.register(target, cancel);
  return cancel;
}

/**
 * Takes off all hooks that were put on a target; what was counted stays. Does nothing where there
 * are none.
 */
export function uninstrument(target: object): void {
  const attached = attachments.get(target);
  attachments.delete(target);
  for (const { remove } of attached?.values() ?? []) remove();
}

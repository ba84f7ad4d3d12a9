import { type Activation, whenActive } from '../../core/activation.ts';
import { defaultRegistry } from '../../core/default-registry.ts';
import type { Registry } from '../../core/registry.ts';
import { MetricsError } from '../../errors.ts';
import { warn } from '../../warn.ts';
import { hookFailed } from './guard.ts';

/** Options that every `instrumentX(target, options)` takes. */
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

/** Where hooks record, and how the families are named. */
export interface Instrumentation extends Activation {
  readonly registry: Registry;
}

/** Puts hooks on, and returns a function that takes them off. */
export type Install = (instrumentation: Instrumentation) => () => void;

/** The hooks of one adapter on one target, or their place while metrics are off. */
interface Attachment {
  readonly begin: (activation: Activation) => void;
  readonly remove: () => void;
}

/** By target, then by adapter. */
const attachments: WeakMap<object, Map<string, Attachment>> = new WeakMap();

/**
 * Forgets targets that were collected while they waited: with metrics off, an application may make
 * one for each request.
 */
const gone: FinalizationRegistry<() => void> = new FinalizationRegistry((cancel) => cancel());

/**
 * Instruments a target: at once, or as soon as metrics are turned on. Instrumenting a target twice
 * is a no-op; later options are ignored.
 *
 * @param adapter The adapter's name; a target can have hooks of several.
 * @returns the target.
 * @throws MetricsError what `install` throws if families can't be defined. Any other error becomes
 *   a warning, WARN_METRICS_NOT_INSTRUMENTED.
 */
export function attach<T extends object>(target: T, adapter: string, options: InstrumentOptions, install: Install): T {
  const { registry = defaultRegistry, enabled } = options;
  const attached = attachments.get(target) ?? new Map<string, Attachment>();
  if (enabled === false || attached.has(adapter)) return target;
  let takeOff: (() => void) | undefined;
  const begin = (activation: Activation): void => {
    try {
      takeOff?.();
      takeOff = undefined;
      takeOff = install({ ...activation, registry });
    } catch (error) {
      // The target may have closed meanwhile, or not match its type. The application must start all
      // the same.
      if (error instanceof MetricsError) throw error;
      notInstrumented(adapter, error);
    }
  };
  const cancel = beginWhenActive(registry, target, begin, enabled === true);
  const remove = (): void => {
    cancel();
    takeOff?.();
  };
  attached.set(adapter, { begin, remove });
  attachments.set(target, attached);
  return target;
}

function notInstrumented(adapter: string, error: unknown): void {
  hookFailed(error);
  const why = error instanceof Error ? error.message : String(error);
  warn('WARN_METRICS_NOT_INSTRUMENTED', `promenade/${adapter} can't measure what it was given: ${why}`);
}

/** `begin` holds the target, so only the target may hold `begin`. */
function beginWhenActive(registry: Registry, target: object, begin: Attachment['begin'], now: boolean): () => void {
  const held = new WeakRef(begin);
  const cancel = whenActive(registry, (activation) => held.deref()?.(activation), { now });
  gone.register(target, cancel);
  return cancel;
}

/** Takes all hooks off a target. Counted numbers stay. A no-op for a target without hooks. */
export function uninstrument(target: object): void {
  const attached = attachments.get(target);
  attachments.delete(target);
  for (const { remove } of attached?.values() ?? []) remove();
}

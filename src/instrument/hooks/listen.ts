import { guarded } from './guard.ts';

/** Listeners by the names of events. */
export type Listeners = Readonly<Record<string, (...args: never[]) => void>>;

interface Emitter {
  on(event: string, listener: unknown): unknown;
  prependListener(event: string, listener: unknown): unknown;
  off?(event: string, listener: unknown): unknown;
  removeListener(event: string, listener: unknown): unknown;
}

/** Options for `listen`. */
export interface ListenOptions {
  /**
   * Call these listeners before those that are there: a listener of the application that throws
   * keeps later ones from being called.
   *
   * @default false
   */
  readonly first?: boolean;
}

/**
 * Adds listeners to an event emitter; what they throw is swallowed. Never listen for `error` on an
 * emitter of the application: that keeps errors that nobody else handles from being thrown.
 *
 * @returns a function that removes them.
 */
export function listen(target: object, listeners: Listeners, { first = false }: ListenOptions = {}): () => void {
  const emitter = target as Emitter;
  const added = Object.entries(listeners).map(([event, listener]) => [event, guarded(listener)] as const);
  for (const [event, listener] of added) emitter[first ? 'prependListener' : 'on'](event, listener);
  return () => {
    const remove = typeof emitter.off === 'function' ? 'off' : 'removeListener';
    for (const [event, listener] of added) emitter[remove]!(event, listener);
  };
}

import { guarded } from './guard.ts';

/** Listeners by the names of events. */
export type Listeners = Readonly<Record<string, (...args: never[]) => void>>;

interface Emitter {
  on(event: string, listener: unknown): unknown;
  removeListener(event: string, listener: unknown): unknown;
}

/**
 * Adds listeners to an event emitter; what they throw is swallowed. Never listen for `error` on an
 * emitter of the application: that keeps errors that nobody else handles from being thrown.
 *
 * @returns a function that removes them.
 */
export function listen(target: object, listeners: Listeners): () => void {
  const emitter = target as Emitter;
  const added = Object.entries(listeners).map(([event, listener]) => [event, guarded(listener)] as const);
  for (const [event, listener] of added) emitter.on(event, listener);
  return () => {
    for (const [event, listener] of added) emitter.removeListener(event, listener);
  };
}

import { debuglog } from 'node:util';

const debug = debuglog('promenade');

/**
 * Swallows an error of a hook: a subscriber that throws would become the application's uncaught
 * exception. `NODE_DEBUG=promenade` shows it.
 */
export function hookFailed(error: unknown): void {
  debug('a hook failed: %O', error);
}

/** Calls a hook. Returns its result, or undefined if it threw. Never throws. */
export function attempt<R>(hook: () => R): R | undefined {
  try {
    return hook();
  } catch (error) {
    hookFailed(error);
    return undefined;
  }
}

/** Returns a subscriber or listener that never throws. */
export function guarded<A extends readonly unknown[]>(listener: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      hookFailed(error);
    }
  };
}

import { debuglog } from 'node:util';

const debug = debuglog('promenade');

/**
 * Swallows what went wrong in a hook of ours: a subscriber that throws would become the
 * application's uncaught exception. `NODE_DEBUG=promenade` shows it.
 */
export function hookFailed(error: unknown): void {
  debug('a hook failed: %O', error);
}

/** A subscriber or listener that never throws. */
export function guarded<A extends readonly unknown[]>(listener: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      hookFailed(error);
    }
  };
}

import { debuglog } from 'node:util';

const debug = debuglog('promenade');

/**
 * Swallows what went wrong in a hook of ours: a subscriber that throws would become the application's uncaught exception.
 * `NODE_DEBUG=promenade` shows it.
 */
export function hookFailed(error: unknown): void {
  debug('an HTTP hook failed: %O', error);
}

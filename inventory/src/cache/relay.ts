import cluster from 'node:cluster';
import type { Others } from './cache.ts';

/** What processes tell each other. */
interface Forget {
  readonly forget: readonly string[];
}

/**
 * The way from one process's cache to the others': through the primary. A process that is alone
 * tells nobody.
 */
export const relay: Others = {
  tell(keys) {
    if (process.connected) process.send?.({ forget: keys } satisfies Forget);
  },
  listen(forget) {
    const listener = (message: unknown): void => {
      if (isForget(message)) forget(message.forget);
    };
    process.on('message', listener);
    return () => process.off('message', listener);
  },
};

/** In the primary: hands on what one process tells to all others. */
export function relayBetweenProcesses(): void {
  cluster.on('message', (from, message: unknown) => {
    if (!isForget(message)) return;
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker && worker !== from && worker.isConnected()) worker.send(message);
    }
  });
}

function isForget(message: unknown): message is Forget {
  return Array.isArray((message as Partial<Forget> | null)?.forget);
}

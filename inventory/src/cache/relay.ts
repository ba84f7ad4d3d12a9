import cluster from 'node:cluster';
import type { Others } from './cache.ts';

/** A message between processes. */
interface Forget {
  readonly forget: readonly string[];
}

/**
 * Carries deletions from one process's cache to the others through the primary. A no-op in a single
 * process.
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

/** Forwards each process's messages to all others. Called in the primary. */
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

import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { instrumentIoredis } from 'promenade/ioredis';
import { instrumentLruCache } from 'promenade/lru-cache';

/**
 * Keeps answers of the database for a while. Values are JSON. The application is right without it.
 */
export interface Cache {
  /** Returns the value, or undefined on a miss. */
  get(key: string): Promise<unknown>;
  set(key: string, value: object): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** How long a value lives unless it is deleted, in milliseconds. */
const lifetimeMs = 60_000;
const maxEntries = 1_000;
const keyPrefix = 'inventory:cache:';

/**
 * Creates a cache in this process. Processes tell each other through `others` which keys to delete.
 *
 * @param others Tells the other processes, and calls back with what they tell.
 */
export function createMemoryCache(others: Others): Cache {
  const lru = instrumentLruCache(new LRUCache<string, object>({ max: maxEntries, ttl: lifetimeMs }));
  const forget = (keys: readonly string[]): void => {
    for (const key of keys) lru.delete(key);
  };
  const stop = others.listen(forget);
  return {
    get: async (key) => lru.get(key),
    set: async (key, value) => void lru.set(key, value),
    async delete(keys) {
      forget(keys);
      others.tell(keys);
    },
    close: async () => stop(),
  };
}

/** Keeps the caches of several processes consistent. */
export interface Others {
  tell(keys: readonly string[]): void;
  /** Returns a function that stops listening. */
  listen(forget: (keys: readonly string[]) => void): () => void;
}

/**
 * Creates a cache in Redis that all processes share. While Redis can't be reached every read is a
 * miss, and the application goes on.
 */
export function createRedisCache(url: string): Cache {
  const client = instrumentIoredis(new Redis(url, { maxRetriesPerRequest: 1, keyPrefix }));
  let told = false;
  client.on('error', (error: Error) => {
    if (!told) console.error(`The cache can't be reached, so it is done without: ${error.message}`);
    told = true;
  });
  client.on('ready', () => {
    told = false;
  });
  return {
    async get(key) {
      const text = await client.get(key).catch(() => null);
      return text === null ? undefined : JSON.parse(text);
    },
    async set(key, value) {
      await client.set(key, JSON.stringify(value), 'PX', lifetimeMs).catch(() => undefined);
    },
    async delete(keys) {
      await client.del(...keys).catch(() => undefined);
    },
    close: async () => client.disconnect(),
  };
}

import { wrapMethod } from '../hooks/wrap.ts';

/** What is looked at of a Keyv, for whoever holds one. */
export interface KeyvLike {
  readonly store?: unknown;
  readonly namespace?: string | undefined;
  /** In early releases of version 5 only these are to be seen. */
  readonly opts?: { readonly store?: unknown; readonly namespace?: string | undefined } | undefined;
}

function storeOf(keyv: KeyvLike): unknown {
  return keyv.store ?? keyv.opts?.store ?? {};
}

interface Store {
  readonly size?: unknown;
  /** Version 5 wraps nothing; version 6 wraps what is not made for it, a Map for one. */
  readonly store?: unknown;
  readonly opts?: { readonly dialect?: unknown };
  readonly dialect?: unknown;
}

/**
 * Names that Keyv's own adapters have for what they keep entries in, as they are known elsewhere.
 */
const DIALECTS: ReadonlySet<string> = new Set([
  'redis',
  'valkey',
  'sqlite',
  'postgres',
  'mysql',
  'mongo',
  'etcd',
  'memcache',
  'dynamo',
]);

/**
 * The label `backend` of a Keyv: what its adapter says it is, `memory` for what is kept here, else
 * `keyv`.
 */
export function backendOf(keyv: KeyvLike): string {
  if (entriesIn(keyv) !== undefined) return 'memory';
  const store = storeOf(keyv) as Store;
  for (const one of [store, (store.store ?? {}) as Store]) {
    const dialect = one.opts?.dialect ?? one.dialect;
    if (typeof dialect === 'string' && DIALECTS.has(dialect)) return dialect;
  }
  return /redis|valkey/i.test(store.constructor.name) ? 'redis' : 'keyv';
}

/**
 * How many entries a store in memory has, also those that have expired and were not asked for
 * since.
 */
export function entriesIn(keyv: KeyvLike): number | undefined {
  const { size, store: inner } = storeOf(keyv) as Store;
  if (typeof size === 'number') return size;
  const { size: innerSize } = (inner ?? {}) as Store;
  return typeof innerSize === 'number' ? innerSize : undefined;
}

/** A call on a cache above a Keyv, while it is under way. */
export interface StoreCall {
  readonly keys: readonly unknown[];
  /** The store failed at one of its keys: Keyv would call that a miss. */
  failed: boolean;
  /** The store had something for one of its keys, expired or not. */
  found: boolean;
}

interface WatchedStore {
  readonly store: unknown;
  restore(): void;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

const READS: readonly string[] = ['get', 'getMany', 'has', 'hasMany'];
const WRITES: readonly string[] = ['set', 'setMany', 'delete', 'deleteMany', 'clear'];

/** The key of calls that are about all keys. */
const ALL: unique symbol = Symbol('promenade.all');

/** Looks at the stores of Keyvs, which keep to themselves what fails there. */
export class StoreWatch {
  readonly #keyvs: readonly KeyvLike[];
  readonly #watched: WatchedStore[];
  readonly #underWay: Map<unknown, Set<StoreCall>> = new Map();

  constructor(keyvs: readonly KeyvLike[]) {
    this.#keyvs = keyvs;
    this.#watched = keyvs.map((keyv) => this.#watch(storeOf(keyv)));
  }

  /** A call begins. @param keys none for one that is about all of them. */
  begin(keys: readonly unknown[]): StoreCall {
    this.#follow();
    const call: StoreCall = { keys: keys.length === 0 ? [ALL] : keys, failed: false, found: false };
    for (const key of call.keys) {
      const calls = this.#underWay.get(key);
      if (calls) calls.add(call);
      else this.#underWay.set(key, new Set([call]));
    }
    return call;
  }

  /** It has ended. */
  end(call: StoreCall): void {
    for (const key of call.keys) {
      const calls = this.#underWay.get(key);
      if (calls?.delete(call) && calls.size === 0) this.#underWay.delete(key);
    }
  }

  /** Whether a call is under way that has found something for the key. */
  hasFound(key: unknown): boolean {
    return [...this.#callsFor(key)].some(({ found }) => found);
  }

  stop(): void {
    for (const { restore } of this.#watched) restore();
  }

  /** A Keyv can be given another store. */
  #follow(): void {
    this.#keyvs.forEach((keyv, i) => {
      const store = storeOf(keyv);
      const watched = this.#watched[i]!;
      if (watched.store === store) return;
      watched.restore();
      this.#watched[i] = this.#watch(store);
    });
  }

  #watch(store: unknown): WatchedStore {
    const wrap = (name: string, answered: (asked: unknown, answer: unknown) => void): (() => void) =>
      wrapMethod(store as Record<string, unknown>, name, (original: Method): Method => {
        const failed = (asked: unknown): void => this.#each(asked, (call) => (call.failed = true));
        return function (this: unknown, ...args) {
          let result: unknown;
          try {
            result = original.apply(this, args);
          } catch (error) {
            failed(args[0]);
            throw error;
          }
          if (!(result instanceof Promise)) {
            answered(args[0], result);
            return result;
          }
          return result.then(
            (answer: unknown) => {
              answered(args[0], answer);
              return answer;
            },
            (error: unknown) => {
              failed(args[0]);
              throw error;
            },
          );
        };
      });
    const restore = [
      ...READS.map((name) => wrap(name, (asked, answer) => this.#answered(asked, answer))),
      ...WRITES.map((name) => wrap(name, () => {})),
    ];
    return {
      store,
      restore: () => {
        for (const one of restore) one();
      },
    };
  }

  #answered(asked: unknown, answer: unknown): void {
    const answers = Array.isArray(asked) && Array.isArray(answer) ? (answer as unknown[]) : [answer];
    if (answers.some((one) => one !== undefined && one !== null)) this.#each(asked, (call) => (call.found = true));
  }

  /** The calls that are under way for what a store was asked. */
  #each(asked: unknown, tell: (call: StoreCall) => void): void {
    const items: readonly unknown[] = asked === undefined ? [ALL] : Array.isArray(asked) ? asked : [asked];
    for (const item of items) {
      const key = typeof item === 'object' && item !== null ? (item as { readonly key: unknown }).key : item;
      for (const call of this.#callsFor(key)) tell(call);
    }
  }

  /** @param key With the namespace before it, or without. */
  #callsFor(key: unknown): Iterable<StoreCall> {
    return this.#underWay.get(key) ?? this.#underWay.get(this.#withoutPrefix(key)) ?? [];
  }

  #withoutPrefix(key: unknown): unknown {
    if (typeof key !== 'string') return key;
    const prefix = this.#keyvs
      .map(({ namespace, opts }) => `${namespace ?? opts?.namespace}:`)
      .find((one) => key.startsWith(one));
    return prefix === undefined ? key : key.slice(prefix.length);
  }
}

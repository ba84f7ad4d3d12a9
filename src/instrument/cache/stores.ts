import { Disposers } from '../hooks/disposers.ts';
import { observeCall } from '../hooks/observe.ts';
import { wrapMethod } from '../hooks/wrap.ts';

/** The part that is used of a cache that keeps its entries in a store below it. */
export interface LayeredCache {
  readonly store?: unknown;
  readonly namespace?: string | undefined;
  /** Some versions show the same only here. */
  readonly opts?: { readonly store?: unknown; readonly namespace?: string | undefined } | undefined;
}

function storeOf(cache: LayeredCache): unknown {
  return cache.store ?? cache.opts?.store ?? {};
}

interface Store {
  readonly size?: unknown;
  /** The store inside, if this one is an adapter around another, such as a Map. */
  readonly store?: unknown;
  readonly opts?: { readonly dialect?: unknown };
  readonly dialect?: unknown;
}

/** Names by which stores tell the kind of server behind them. */
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
 * Returns the label `backend` of a cache: the kind of server that its store names, or `memory` for
 * a store in this process.
 *
 * @param otherwise The label for a store that does not say.
 */
export function backendOf(cache: LayeredCache, otherwise: string): string {
  if (entriesIn(cache) !== undefined) return 'memory';
  const store = storeOf(cache) as Store;
  for (const one of [store, (store.store ?? {}) as Store]) {
    const dialect = one.opts?.dialect ?? one.dialect;
    if (typeof dialect === 'string' && DIALECTS.has(dialect)) return dialect;
  }
  return /redis|valkey/i.test(store.constructor.name) ? 'redis' : otherwise;
}

/**
 * Returns how many entries a store in memory has, expired ones included that were not asked for
 * since.
 */
export function entriesIn(cache: LayeredCache): number | undefined {
  const { size, store: inner } = storeOf(cache) as Store;
  if (typeof size === 'number') return size;
  const { size: innerSize } = (inner ?? {}) as Store;
  return typeof innerSize === 'number' ? innerSize : undefined;
}

/** A call on a cache with a store, while it is under way. */
export interface StoreCall {
  readonly keys: readonly unknown[];
  /** The store failed at one of its keys: the cache would call that a miss. */
  failed: boolean;
  /** The store had something for one of its keys, expired or not. */
  found: boolean;
  /** Of a read that has ended: the keys that it had no value for. */
  missing?: Set<unknown>;
  ended: boolean;
  /** Called when it has ended. */
  waiting?: (() => void)[];
}

interface WatchedStore {
  readonly store: unknown;
  readonly restore: () => void;
}

const READS: readonly string[] = ['get', 'getMany', 'has', 'hasMany'];
const WRITES: readonly string[] = ['set', 'setMany', 'delete', 'deleteMany', 'clear'];

/** The key of calls that concern all keys. */
const ALL: unique symbol = Symbol('promenade.all');

/** Watches the stores of caches that don't report failures of their stores. */
export class StoreWatch {
  readonly #caches: readonly LayeredCache[];
  readonly #watched: WatchedStore[];
  readonly #underWay: Map<unknown, Set<StoreCall>> = new Map();

  constructor(caches: readonly LayeredCache[]) {
    this.#caches = caches;
    this.#watched = caches.map((cache) => this.#watch(storeOf(cache)));
  }

  /** A call begins. @param keys Empty for a call that is about all of them. */
  begin(keys: readonly unknown[]): StoreCall {
    this.#follow();
    const call: StoreCall = { keys: keys.length === 0 ? [ALL] : keys, failed: false, found: false, ended: false };
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
    call.ended = true;
    for (const go of call.waiting ?? []) go();
  }

  /** Returns the calls under way that found something for one of the keys. */
  thatFound(keys: readonly unknown[]): readonly StoreCall[] {
    const calls = new Set(keys.flatMap((key) => [...this.#callsFor(key)]));
    return [...calls].filter(({ found }) => found);
  }

  /**
   * Returns true if each key was found in the store, but is missing from the result of one of these
   * reads: it had expired, and the cache deletes it. Each read of a key explains one delete.
   */
  expired(keys: readonly unknown[], reads: readonly StoreCall[]): boolean {
    const explained = keys.map((key) => {
      const names = [key, this.#withoutPrefix(key)];
      return names.flatMap((name) =>
        reads.flatMap(({ missing }) => (missing?.has(name) ? [{ missing, name }] : [])),
      )[0];
    });
    if (!explained.every((one) => one !== undefined)) return false;
    for (const { missing, name } of explained) missing.delete(name);
    return true;
  }

  stop(): void {
    for (const { restore } of this.#watched) restore();
  }

  /** A cache can be given another store. */
  #follow(): void {
    this.#caches.forEach((cache, i) => {
      const store = storeOf(cache);
      const watched = this.#watched[i]!;
      if (watched.store === store) return;
      watched.restore();
      this.#watched[i] = this.#watch(store);
    });
  }

  #watch(store: unknown): WatchedStore {
    const hooks = new Disposers();
    const watch = (name: string, answered: (asked: unknown, answer: unknown) => void): void => {
      const failed = (asked: unknown): void => this.#each(asked, (call) => (call.failed = true));
      const restore = wrapMethod(store as object, name, (original) => {
        return function (this: unknown, ...args) {
          return observeCall(
            () => Reflect.apply(original, this, args),
            (outcome) => {
              if (outcome.failed) failed(args[0]);
              else answered(args[0], outcome.result);
            },
          );
        };
      });
      hooks.add(restore);
    };
    for (const name of READS) watch(name, (asked, answer) => this.#answered(asked, answer));
    for (const name of WRITES) watch(name, () => {});
    return { store, restore: hooks.dispose };
  }

  #answered(asked: unknown, answer: unknown): void {
    const answers = Array.isArray(asked) && Array.isArray(answer) ? (answer as unknown[]) : [answer];
    if (answers.some((one) => one !== undefined && one !== null)) this.#each(asked, (call) => (call.found = true));
  }

  /** Tells the calls that are under way for the keys that a store was asked for. */
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
    const prefix = this.#caches
      .map(({ namespace, opts }) => `${namespace ?? opts?.namespace}:`)
      .find((one) => key.startsWith(one));
    return prefix === undefined ? key : key.slice(prefix.length);
  }
}

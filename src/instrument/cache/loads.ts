import type { Method } from '../hooks/method.ts';
import { observeCall } from '../hooks/observe.ts';
import type { CacheCalls, CallObserver } from './calls.ts';
import type { CacheSeries } from './recorder.ts';
import type { StoreCall, StoreWatch } from './stores.ts';

/** By key: the first of the calls that are in progress. */
export type LoadsUnderWay = Map<unknown, CacheLoad>;

/**
 * A call of `wrap(key, load)` or a similar method: a get, and a set after a miss. It was a miss if
 * the cache calls `load` and waits for it, or if the call that it was joined to was a miss: many
 * caches let the first of several calls for one key do the work.
 */
export class CacheLoad implements CallObserver {
  readonly #series: CacheSeries;
  readonly #underWay: LoadsUnderWay;
  readonly #key: unknown;
  readonly #joined: CacheLoad | undefined;
  readonly #returnsLoaded: boolean;
  readonly #stores: StoreWatch | undefined;
  readonly #below: StoreCall | undefined;
  readonly #start: number = performance.now();
  /** The progress of the call: the cache is asked, or has called `load`, which may have ended. */
  #state: 'asking' | 'loading' | 'loaded' | 'failed' = 'asking';
  #loaded: unknown;
  /** True if the store below failed when it was asked. The cache itself does not report that. */
  #askingFailed: boolean = false;
  /** Time from the start of the call until the cache called `load`. */
  #askedSeconds: number = 0;
  /** True if the cache had a value, which `load` renews in the background. */
  #renews: boolean = false;

  /** @param args The function among them is replaced by one that tells when it is called. */
  constructor(
    series: CacheSeries,
    calls: CacheCalls,
    underWay: LoadsUnderWay,
    args: unknown[],
    returnsLoaded: boolean,
    stores: StoreWatch | undefined,
  ) {
    this.#series = series;
    this.#underWay = underWay;
    this.#key = args[0];
    this.#returnsLoaded = returnsLoaded;
    this.#stores = stores;
    this.#below = stores?.begin([this.#key]);
    this.#joined = underWay.get(this.#key);
    if (this.#joined === undefined) underWay.set(this.#key, this);
    const at = args.findIndex((argument) => typeof argument === 'function');
    if (at < 0) return;
    const load = args[at] as Method;
    const observed = (run: () => unknown): unknown => calls.apart(() => this.#load(run));
    args[at] = function (this: unknown, ...given: unknown[]): unknown {
      return observed(() => Reflect.apply(load, this, given));
    };
  }

  ended(result: unknown, seconds: number): void {
    this.#renews = this.#state === 'loading' || this.#isOlder(result);
    this.#got(!this.missed || this.#renews, seconds);
    if (this.#state !== 'loaded') return;
    if (this.#below?.failed) this.#series.failed('set');
    else this.#series.stored(1);
  }

  failed(_error: unknown, seconds: number): void {
    if (this.missed) this.#got(false, seconds);
    if (this.#state === 'loaded') this.#series.failed('set');
    if (this.#state !== 'asking' || this.#joined?.missed) return;
    this.#series.took('get', seconds);
    this.#series.failed('get');
  }

  done(): void {
    if (this.#joined === undefined) this.#underWay.delete(this.#key);
    if (this.#below) this.#stores?.end(this.#below);
  }

  /** True if the cache had no value, as far as is known. */
  get missed(): boolean {
    return this.#state !== 'asking' || this.#joined?.missed === true;
  }

  /** True if a result is not the value that was just loaded. */
  #isOlder(result: unknown): boolean {
    if (!this.#returnsLoaded || this.#state !== 'loaded' || Object.is(result, this.#loaded)) return false;
    const { value } = (result ?? {}) as { value?: unknown };
    return !Object.is(value, this.#loaded);
  }

  #got(hit: boolean, seconds: number): void {
    if (this.#askingFailed) this.#series.failed('get');
    else this.#series.got(hit);
    if (this.#state !== 'asking') this.#series.took('get', this.#askedSeconds);
    else if (hit) this.#series.took('get', seconds);
  }

  #load(run: () => unknown): unknown {
    this.#askedSeconds = (performance.now() - this.#start) / 1000;
    this.#state = 'loading';
    this.#askingFailed = this.#below?.failed === true;
    if (this.#below) this.#below.failed = false;
    return observeCall(run, (outcome) => {
      if (outcome.failed) this.#state = 'failed';
      else this.#delivered(outcome.result);
    });
  }

  #delivered(value: unknown): void {
    this.#state = 'loaded';
    this.#loaded = value;
    if (this.#renews) this.#series.stored(1);
  }
}

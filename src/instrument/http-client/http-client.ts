import type { Registry } from '../../core/registry.ts';
import { attach, type InstrumentOptions, uninstrument } from '../hooks/attach.ts';
import { defaultRegistry } from '../../core/default-registry.ts';
import { observeFetch } from './fetch.ts';
import { observeNodeClient } from './node.ts';
import { HttpClientRecorder } from './recorder.ts';
import type { ClientObservers } from './request.ts';

/** What is recorded of outgoing HTTP, and where. */
export interface InstrumentHttpClientOptions extends InstrumentOptions {
  /**
   * Hosts that have a label of their own: `api.example.com`, `localhost:9200`, `*.example.com`; all
   * others are `<other>`.
   * @default none
   */
  readonly hosts?: readonly string[] | undefined;
  /** Bounds of the latency histogram, in seconds. @default 1 ms to 10 s */
  readonly latencyBuckets?: readonly number[] | undefined;
}

/** What stands for the process's outgoing HTTP in a registry. */
const targets: WeakMap<Registry, object> = new WeakMap();

const observers: { current: readonly HttpClientRecorder[]; open: number } = { current: [], open: 0 };

let unsubscribe: (() => void) | undefined;

/**
 * Measures every HTTP request that this process sends, from now on: by `fetch`, any copy of undici,
 * `node:http` and `node:https`, and whatever stands on them. Costs a few microseconds a request. A
 * registry has one recorder: of several calls the first holds.
 *
 * @returns what stops it; the families stay on the page with what they counted. Idempotent.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of the same name.
 *
 * @example
 * instrumentHttpClient({ hosts: ['api.example.com', '*.internal.example.com'] });
 */
export function instrumentHttpClient(options: InstrumentHttpClientOptions = {}): () => void {
  const { registry = defaultRegistry, hosts = [], latencyBuckets } = options;
  let target = targets.get(registry);
  if (target === undefined) targets.set(registry, (target = {}));
  attach(target, 'http-client', options, ({ namespace }) => {
    const recorder = recorderOf(registry, () => new HttpClientRecorder({ registry, namespace, hosts, latencyBuckets }));
    observe([...observers.current, recorder]);
    return () => observe(observers.current.filter((other) => other !== recorder));
  });
  return () => uninstrument(target);
}

const recorders: WeakMap<Registry, HttpClientRecorder> = new WeakMap();

/** A registry's families are defined once. */
function recorderOf(registry: Registry, make: () => HttpClientRecorder): HttpClientRecorder {
  let recorder = recorders.get(registry);
  if (recorder === undefined) recorders.set(registry, (recorder = make()));
  return recorder;
}

/**
 * Exchanges the list of observers. Requests that have begun are followed to their end when nobody
 * observes any more.
 */
function observe(current: readonly HttpClientRecorder[]): void {
  observers.current = current;
  if (current.length > 0 && unsubscribe === undefined) {
    const ends = [observeFetch, observeNodeClient].map((start) => start(observers as ClientObservers, unfollow));
    unsubscribe = () => ends.forEach((end) => end());
  }
  unfollow();
}

function unfollow(): void {
  if (observers.current.length > 0 || observers.open > 0) return;
  unsubscribe?.();
  unsubscribe = undefined;
}

import { performance } from 'node:perf_hooks';
import { type HostSeries, type HttpClientRecorder, typeOfFailure } from './recorder.ts';

/** Those who observe now. The list is replaced, never changed. */
export interface ClientObservers {
  readonly current: readonly HttpClientRecorder[];
  /** How many requests have begun and not ended. */
  open: number;
}

/**
 * One outgoing request: from its creation to the last byte of its response, recorded exactly once.
 */
export class OutgoingRequest {
  status: number = 0;
  readonly #method: string | undefined;
  readonly #series: readonly HostSeries[];
  readonly #observers: ClientObservers;
  readonly #startedAt: number = performance.now();
  #failure: string | undefined = undefined;
  #done = false;

  /**
   * @param host without a port
   * @param port 0 for one that is not known
   */
  constructor(observers: ClientObservers, method: string | undefined, host: string, port: number) {
    this.#observers = observers;
    this.#method = method;
    const name = host.toLowerCase();
    this.#series = observers.current.map((recorder) => recorder.host(name, port));
    observers.open++;
    for (const series of this.#series) series.active.inc();
  }

  /** The first failure is the one that counts. */
  failed(error: unknown): void {
    this.#failure ??= typeOfFailure(error);
  }

  /** Its end, whatever it was. Only the first call counts. */
  end(): void {
    this.#finish((series, seconds) => {
      series.observe(this.#method, this.status, seconds);
      if (this.#failure !== undefined) series.failed(this.#failure);
    });
  }

  /** It is none of the application's: as if it had never been. */
  drop(): void {
    this.#finish(() => {});
  }

  #finish(record: (series: HostSeries, seconds: number) => void): void {
    if (this.#done) return;
    this.#done = true;
    this.#observers.open--;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    for (const series of this.#series) {
      series.active.dec();
      record(series, seconds);
    }
  }
}

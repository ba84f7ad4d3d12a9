import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { BoundCounter } from '../../core/counter.ts';
import type { BoundGauge } from '../../core/gauge.ts';
import { defineHttpClientFamilies, type HttpClientFamilies, type HttpClientFamilyOptions } from './families.ts';
import { HostList } from './hosts.ts';
import { toMethodLabel } from '../http/method.ts';
import { typeOfThrown } from '../recorder-kit/thrown.ts';

/** The status of a request that got no response. */
export const NO_STATUS = '<none>';

/** More types of errors than this come from reasons that somebody makes up. */
const TYPE_LIMIT = 100;

/** What is recorded, and how. */
export interface HttpClientRecorderOptions extends HttpClientFamilyOptions {
  readonly hosts: readonly string[];
}

/** Turns outgoing requests into numbers for one registry. */
export class HttpClientRecorder {
  readonly #families: HttpClientFamilies;
  readonly #list: HostList;
  readonly #hosts: Map<string, HostSeries> = new Map();

  constructor(options: HttpClientRecorderOptions) {
    this.#families = defineHttpClientFamilies(options);
    this.#list = new HostList(options.hosts);
  }

  /** The series for a host. */
  host(name: string, port: number): HostSeries {
    const label = this.#list.labelOf(name, port);
    let series = this.#hosts.get(label);
    if (series === undefined) this.#hosts.set(label, (series = new HostSeries(this.#families, label)));
    return series;
  }
}

/** The bound series of a host. */
export class HostSeries {
  readonly active: BoundGauge;
  readonly #families: HttpClientFamilies;
  readonly #host: string;
  readonly #durations: Map<string, Map<number, BoundHistogram>> = new Map();
  readonly #errors: Map<string, BoundCounter> = new Map();

  constructor(families: HttpClientFamilies, host: string) {
    this.#families = families;
    this.#host = host;
    this.active = families.active.labels({ host });
  }

  /** @param status 0 for no response */
  observe(method: string | undefined, status: number, seconds: number): void {
    const label = toMethodLabel(method);
    let durations = this.#durations.get(label);
    if (durations === undefined) this.#durations.set(label, (durations = new Map()));
    let bound = durations.get(status);
    if (bound === undefined) {
      bound = this.#families.duration.labels({
        method: label,
        host: this.#host,
        status: status === 0 ? NO_STATUS : status,
      });
      durations.set(status, bound);
    }
    bound.observe(seconds);
  }

  failed(type: string): void {
    let bound = this.#errors.get(type);
    if (bound === undefined) {
      const label = this.#errors.size < TYPE_LIMIT ? type : '<other>';
      bound = this.#families.errors.labels({ host: this.#host, type: label });
      if (label === type) this.#errors.set(type, bound);
    }
    bound.inc();
  }
}

/**
 * The label for what a request failed with: the code of Node's and undici's errors, else the class.
 */
export function typeOfFailure(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  const { name, code } = error as { name?: unknown; code?: unknown };
  // What gives up has one name, whatever client it tells.
  if (name === 'AbortError' || name === 'TimeoutError') return name;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : typeOfThrown(error);
}

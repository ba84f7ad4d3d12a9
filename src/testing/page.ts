/** One line of a page. */
export interface ScrapedSample {
  /** With its suffix: `requests_total`, `duration_seconds_bucket`. */
  readonly name: string;
  /** `le` and `quantile` as the shortest decimal, whatever the format: `1`, not `1.0`; `+Inf`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** In seconds of the Unix epoch, where the page tells it. */
  readonly timestamp?: number;
  /** OpenMetrics: an example of what was counted. */
  readonly exemplar?: Omit<ScrapedSample, 'name' | 'exemplar'>;
}

/** What a page says of one family. */
export interface ScrapedFamily {
  /** As TYPE and HELP have it: in text 0.0.4 with `_total` or `_info`, in OpenMetrics without. */
  readonly name: string;
  /** As the page names it; `untyped` (OpenMetrics: `unknown`) where it doesn't. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  /** In the order of the page. */
  readonly samples: readonly ScrapedSample[];
}

/** A page, parsed. */
export interface ScrapedPage {
  readonly format: 'text' | 'openmetrics';
  /** By name, in the order of the page. */
  readonly families: ReadonlyMap<string, ScrapedFamily>;
}

/** One string for a series that no other has, whatever the order of its labels. */
export function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** A series as Prometheus writes it: `requests_total{method="GET"}`. */
export function toSeriesText(name: string, labels: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(String(value))}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(', ')}}`;
}

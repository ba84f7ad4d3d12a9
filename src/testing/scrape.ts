import type { Registry } from '../core/registry.ts';
import { negotiate } from '../exposition/negotiate.ts';
import { malformed } from './line-reader.ts';
import type { ScrapedPage } from './page.ts';
import { parsePage } from './parse-page.ts';

/** How a page is fetched. */
export interface ScrapeOptions {
  /** Sent to a URL: `Authorization`, `Accept` and the like. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A page as objects: of a registry, at a URL (`http:` or `https:`), or the text of one.
 *
 *     const page = await scrape(registry);
 *     expectSeries(page, 'requests_total', { method: 'GET' }, 3);
 *
 * @throws MetricsError ERR_METRICS_MALFORMED_PAGE for a page that breaks its format's rules, an
 *   answer that is none, or one whose Content-Type Prometheus would refuse; what `fetch` rejects
 *   with where there is no answer.
 */
export async function scrape(source: Registry | URL | string, options: ScrapeOptions = {}): Promise<ScrapedPage> {
  if (source instanceof URL || (typeof source === 'string' && /^https?:\/\//.test(source))) {
    return fetchPage(String(source), options);
  }
  if (typeof source === 'string') return parsePage(source);
  return parsePage([...negotiate(undefined).render(await source.snapshot())].join(''));
}

async function fetchPage(url: string, { headers = {} }: ScrapeOptions): Promise<ScrapedPage> {
  const response = await fetch(url, { headers });
  const text = await response.text();
  if (response.status !== 200) throw malformed(`${url} answers ${response.status}: ${text.slice(0, 200)}`);
  const type = response.headers.get('content-type') ?? 'no Content-Type';
  const page = parsePage(text);
  const expected =
    page.format === 'text' ? /^text\/plain *;(.*;)? *version=(0\.0\.4|1\.0\.0)/ : /^application\/openmetrics-text/;
  if (!expected.test(type)) throw malformed(`${url} answers with ${type}, and the page is ${page.format}`);
  return page;
}

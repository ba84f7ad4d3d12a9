import type { IncomingMessage, ServerResponse } from 'node:http';
import { Scraper, type ScraperOptions } from './scraper.ts';
import { leaveUnmeasured } from '../core/unmeasured.ts';

/** Serves the page on node:http for any request and path. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Returns a handler of the page for node:http requests of any path.
 *
 * @example
 * const metrics = createMetricsHandler({ registry, settings: resolveSettings() });
 * createServer((request, response) => (request.url === '/metrics' ? metrics(request, response) :
 * app(request, response)));
 * @throws MetricsError ERR_METRICS_INVALID_SETTING for settings with which nobody could ever read
 *   the page.
 */
export function createMetricsHandler(options: ScraperOptions<IncomingMessage>): MetricsHandler {
  const scraper = new Scraper(options);
  return (request, response) => serve(scraper, request, response, request);
}

/**
 * Answers one node:http request.
 *
 * @param subject what the application's `session` takes: the request as its framework knows it
 */
export function serve<Subject>(
  scraper: Scraper<Subject>,
  request: IncomingMessage,
  response: ServerResponse,
  subject: Subject | undefined,
): void {
  leaveUnmeasured(request);
  void answer(scraper, request, response, subject).catch(() => response.destroy());
}

async function answer<Subject>(
  scraper: Scraper<Subject>,
  request: IncomingMessage,
  response: ServerResponse,
  subject: Subject | undefined,
): Promise<void> {
  const method = request.method ?? '';
  const { status, headers, body } = await scraper.answer({
    method,
    url: request.url ?? '',
    header: (name) => request.headers[name]?.toString(),
    authorization: soleAuthorization(request),
    address: request.socket.remoteAddress,
    subject,
  });
  if (response.headersSent) {
    // Other code, such as a timeout middleware, has answered while metrics were collected.
    response.destroy();
  } else {
    response.statusCode = status;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  }
  if (typeof body === 'function') await body(response);
  else response.end(method === 'HEAD' ? undefined : body);
}

/**
 * Returns the Authorization header if there is exactly one: `request.headers` keeps the first of
 * several, and a proxy may have checked another.
 */
export function soleAuthorization({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  const names = rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'authorization');
  return names.length === 1 ? headers.authorization : undefined;
}

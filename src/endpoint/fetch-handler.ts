import { PassThrough, Readable } from 'node:stream';
import { Scraper, type ScraperOptions } from './scraper.ts';

/** Serves the page for requests of the Fetch standard. */
export type FetchHandler = (request: Request) => Promise<Response>;

/**
 * Returns a handler of the page for Fetch requests of any path.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING for settings with which nobody could ever read
 *   the page.
 */
export function createFetchHandler(options: ScraperOptions<Request>): FetchHandler {
  const scraper = new Scraper(options);
  return (request) => respond(scraper, request, request);
}

/** Answers one request. Streams the page as it is read, and stops when the reader cancels. */
export async function respond<Subject>(
  scraper: Scraper<Subject>,
  request: Request,
  subject: Subject | undefined,
): Promise<Response> {
  const header = (name: string): string | undefined => request.headers.get(name) ?? undefined;
  const { status, headers, body } = await scraper.answer({
    method: request.method,
    url: request.url,
    header,
    authorization: header('authorization'),
    subject,
  });
  if (typeof body === 'string') return new Response(request.method === 'HEAD' ? null : body, { status, headers });
  const page = new PassThrough();
  request.signal.addEventListener('abort', () => page.destroy(), { once: true });
  void body(page);
  return new Response(Readable.toWeb(page) as ReadableStream<Uint8Array>, { status, headers });
}

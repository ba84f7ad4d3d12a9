import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { soleAuthorization } from '../endpoint/node-handler.ts';
import { isAt, requestTarget } from '../endpoint/request-target.ts';
import type { Settings } from '../settings/settings.ts';
import { BasicUsers } from './basic-users.ts';
import { landingPage } from './landing-page.ts';
import { RateLimit } from './rate-limit.ts';
import type { WebConfigFile } from './web-config-file.ts';

/** A request over HTTP/1.1 or HTTP/2. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

type Page = Pick<Endpoint<IncomingMessage | Request>, 'handler' | 'fetch'>;

/** Authenticates and routes the requests to `promenade serve`. */
export class Reception {
  readonly #settings: Settings;
  readonly #webConfig: WebConfigFile | undefined;
  readonly #landing: string;
  readonly #users: BasicUsers = new BasicUsers();
  readonly #limit: RateLimit = new RateLimit();
  /** Requests that passed basic authentication. */
  readonly #known: WeakSet<object> = new WeakSet();

  constructor(directory: string, settings: Settings, webConfig: WebConfigFile | undefined) {
    this.#settings = settings;
    this.#webConfig = webConfig;
    this.#landing = landingPage(directory, settings.path);
  }

  /** True if the request passed basic authentication, and needs no token. */
  knows(request: object): boolean {
    return this.#known.has(request);
  }

  /** Answers a request. Never throws. */
  receive(request: AnyRequest, response: AnyResponse, page: Page): void {
    void this.#receive(request, response, page).catch(() => request.destroy());
  }

  async #receive(request: AnyRequest, response: AnyResponse, page: Page): Promise<void> {
    const { headers = {}, rateLimit, users } = this.#webConfig?.current().config ?? {};
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (rateLimit && !this.#limit.admits(rateLimit)) return say(request, response, 429, 'Too many requests.\n');

    const { path, authentication } = this.#settings;
    const url = request.url ?? '';
    if (users && users.size > 0) {
      const { remoteAddress } = request.socket;
      const admission = await this.#users.admit(users, soleAuthorization(request), remoteAddress);
      if (admission === 'busy') return busy(request, response);
      if (admission === 'admitted') this.#known.add(request);
      // With tokens configured, the page accepts a token instead.
      else if (!authentication || !isAt(url, path)) return refuse(request, response);
    }
    if (isAt(url, path)) return this.#answerPage(request, response, page);
    const target = requestTarget(url).path;
    if (target === '/-/healthy') return say(request, response, 200, 'Healthy.\n');
    if (target === '/')
      return say(request, response, 200, this.#landing, { 'Content-Type': 'text/html; charset=utf-8' });
    say(request, response, 404, `Metrics are at ${path}.\n`);
  }

  /**
   * Writes to the stream over HTTP/2: the compatibility response does not report a reader that
   * left.
   */
  async #answerPage(request: AnyRequest, response: AnyResponse, page: Page): Promise<void> {
    if (!('stream' in response)) return page.handler(request as IncomingMessage, response);
    const asked = toFetch(request);
    if (this.#known.has(request)) this.#known.add(asked);
    const { status, headers, body } = await page.fetch(asked);
    response.writeHead(status, Object.fromEntries(headers));
    if (body === null) response.end();
    else await pipeline(Readable.fromWeb(body), response.stream);
  }
}

function toFetch(request: AnyRequest): Request {
  const authorization = soleAuthorization(request);
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    name.startsWith(':') || name === 'authorization' ? [] : [[name, String(value)] as [string, string]],
  );
  if (authorization !== undefined) headers.push(['authorization', authorization]);
  return new Request(`https://localhost${request.url}`, { method: request.method ?? 'GET', headers });
}

function busy(request: AnyRequest, response: AnyResponse): void {
  say(request, response, 503, 'Too many passwords wait to be checked.\n', { 'Retry-After': '1' });
}

function refuse(request: AnyRequest, response: AnyResponse): void {
  say(request, response, 401, 'A user name and a password are needed.\n', {
    'WWW-Authenticate': 'Basic realm="metrics", charset="UTF-8"',
  });
}

function say(
  { method }: AnyRequest,
  response: AnyResponse,
  status: number,
  text: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...more };
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(method === 'HEAD' ? '' : text);
}

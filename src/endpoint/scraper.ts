import { pipeline, type Writable } from 'node:stream';
import { debuglog } from 'node:util';
import type { Registry } from '../core/registry.ts';
import { MetricsError } from '../errors.ts';
import { createCompressor, negotiateEncoding, type ContentEncoding } from '../exposition/content-encoding.ts';
import type { Exposition } from '../exposition/exposition.ts';
import { negotiate } from '../exposition/negotiate.ts';
import { writePage } from '../exposition/write-page.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { ownTurn } from '../time-slice.ts';
import { Authenticator, type AuthenticationCallbacks } from './authenticator.ts';
import { challenges } from './credentials.ts';
import { type Reader, Readers } from './readers.ts';
import { requestedNames } from './request-target.ts';
import { ScrapeFamilies } from './scrape-families.ts';
import type { Settings } from '../settings/settings.ts';
import { messageOf, Warning } from './warning.ts';

/** A request for the page, independent of the server. */
export interface ScrapeRequest<Subject> {
  readonly method: string;
  readonly url: string;
  /** A header by its lower-case name; `undefined` where it is missing. */
  header(name: string): string | undefined;
  /** The Authorization header; `undefined` where it is missing or there are several. */
  readonly authorization: string | undefined;
  /** The argument of `session`; `undefined` if there are no sessions here. */
  readonly subject: Subject | undefined;
  /** The remote address, if known. */
  readonly address?: string | undefined;
}

/** The answer to a scrape. */
export interface ScrapeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * A short body, or a function that writes the page to the response and ends it. Call it exactly
   * once; it never rejects.
   */
  readonly body: string | ((target: Writable) => Promise<void>);
}

/** A page ready to be rendered. */
interface Page {
  readonly reader: Reader;
  readonly chunks: Iterable<string | Uint8Array>;
  readonly encoding: ContentEncoding;
  /** Time left for the reader. */
  readonly timeoutMs: number;
}

/** Options of a scraper. */
export interface ScraperOptions<Subject> extends AuthenticationCallbacks<Subject> {
  readonly registry: Registry;
  readonly settings: Settings;
  /**
   * Maximum number of concurrent scrapes; further ones get 503. One address may have seven eighths
   * of them.
   *
   * @default 128
   */
  readonly maxScrapes?: number | undefined;
  /** See EndpointOptions. */
  readonly createdSamples?: boolean | undefined;
}

const defaultMaxScrapes = 128;
/** The share of concurrent scrapes that no single address can take. */
const keptForOthers = 1 / 8;
const idleMs = 10_000;
const defaultTimeoutSeconds = 60;
const maxTimeoutSeconds = 300;
const retryAfterSeconds = '5';

const log = debuglog('promenade');

/** Answers requests for the page, for node:http and fetch alike. Never throws. */
export class Scraper<Subject> {
  readonly #registry: Registry;
  readonly #authenticator: Authenticator<Subject>;
  readonly #families: ScrapeFamilies;
  readonly #readers: Readers;
  readonly #createdSamples: boolean;
  readonly #warning: Warning = new Warning('WARN_METRICS_SCRAPE');

  /**
   * @throws MetricsError ERR_METRICS_INVALID_SETTING for settings with which nobody could ever read
   *   the page.
   */
  constructor(options: ScraperOptions<Subject>) {
    this.#registry = options.registry;
    this.#authenticator = new Authenticator(options.settings, options);
    this.#families = ScrapeFamilies.of(options.registry, options.settings.namespace);
    const max = options.maxScrapes ?? defaultMaxScrapes;
    const maxPerAddress = max - Math.floor(max * keptForOthers);
    this.#readers = new Readers({ max, maxPerAddress, idleMs });
    this.#createdSamples = options.createdSamples ?? false;
  }

  async answer(request: ScrapeRequest<Subject>): Promise<ScrapeAnswer> {
    const scrape = new Scrape(
      this.#families,
      negotiate(request.header('accept'), { createdSamples: this.#createdSamples }),
    );
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return scrape.refuse(405, 'Only GET and HEAD are answered here.', { Allow: 'GET, HEAD' });
      }
      const verdict = await this.#authenticator.judge(request.authorization, request.subject);
      if (verdict === 401) {
        return scrape.refuse(401, 'Metrics need a token or a session.', { 'WWW-Authenticate': challenges });
      }
      if (verdict === 403) return scrape.refuse(403, 'You may not read the metrics.');
      if (request.method === 'HEAD') return scrape.answerHead();
      const reader = this.#readers.admit(request.address);
      if (reader === undefined) return scrape.refuseForNow('Too many scrapes at once.');
      return await this.#answerPage(scrape, request, reader);
    } catch (error) {
      log('scrape failed: %o', error);
      if (error instanceof MetricsError && error.code === 'ERR_METRICS_STORE_UNREADABLE') {
        this.#warning.give(`Collecting metrics failed: ${error.message}; the scrape got 503.`);
        return scrape.refuseForNow('The metrics of some processes can not be read now.');
      }
      this.#warning.give(`Collecting metrics failed: ${messageOf(error)}; the scrape got 500.`);
      return scrape.refuse(500, 'Collecting metrics failed.');
    }
  }

  async #answerPage(scrape: Scrape, request: ScrapeRequest<Subject>, reader: Reader): Promise<ScrapeAnswer> {
    const timeoutMs = timeoutOf(request.header('x-prometheus-scrape-timeout-seconds'));
    let page: Page | undefined;
    try {
      const snapshot = await within(timeoutMs, this.#registry.snapshot());
      if (snapshot === undefined) return scrape.refuseForNow('Collecting took longer than the scrape may.');
      const encoding = negotiateEncoding(request.header('accept-encoding'));
      page = {
        reader,
        chunks: scrape.exposition.render(snapshot, requestedNames(request.url)),
        encoding,
        timeoutMs: Math.max(timeoutMs - scrape.elapsedMs, 0),
      };
      return scrape.answerPage(encoding, (target) => this.#write(page!, scrape, target));
    } finally {
      if (page === undefined) reader.done();
    }
  }

  /** Writes the page. Disconnects a reader that is too slow. */
  async #write({ reader, chunks, encoding, timeoutMs }: Page, scrape: Scrape, target: Writable): Promise<void> {
    let outcome = 500;
    const timer = setTimeout(() => target.destroy(), timeoutMs).unref();
    reader.reads(target);
    try {
      // Starts each page in its own turn: many can share one collection.
      await ownTurn();
      const compressor = createCompressor(encoding);
      if (compressor !== undefined) pipeline(compressor, target, () => {});
      outcome = (await writePage(chunks, compressor ?? target)) ? 200 : 499;
      this.#warning.rearm();
    } catch (error) {
      log('rendering failed: %o', error);
      this.#warning.give(`Rendering metrics failed: ${messageOf(error)}; the page was cut off.`);
    } finally {
      clearTimeout(timer);
      reader.done();
      scrape.end(outcome);
    }
  }
}

/** The state of one request: its format and start. Each request is counted once. */
class Scrape {
  readonly exposition: Exposition;
  readonly #families: ScrapeFamilies;
  readonly #start: number = performance.now();

  constructor(families: ScrapeFamilies, exposition: Exposition) {
    this.#families = families;
    this.exposition = exposition;
  }

  get elapsedMs(): number {
    return performance.now() - this.#start;
  }

  /** Counts the request with the status that it got. */
  end(code: number): void {
    try {
      this.#families.record(this.exposition.format, code, this.elapsedMs / 1000);
    } catch (error) {
      log('a scrape was not counted: %o', error);
    }
  }

  refuse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): ScrapeAnswer {
    this.end(status);
    return { status, headers: { ...headersOf('text/plain; charset=utf-8'), ...headers }, body: `${text}\n` };
  }

  refuseForNow(text: string): ScrapeAnswer {
    return this.refuse(503, text, { 'Retry-After': retryAfterSeconds });
  }

  answerHead(): ScrapeAnswer {
    this.end(200);
    return { status: 200, headers: headersOf(this.exposition.contentType), body: '' };
  }

  answerPage(encoding: ContentEncoding, body: (target: Writable) => Promise<void>): ScrapeAnswer {
    const packed: Record<string, string> = encoding === 'identity' ? {} : { 'Content-Encoding': encoding };
    return { status: 200, headers: { ...headersOf(this.exposition.contentType), ...packed }, body };
  }
}

function headersOf(contentType: string): Record<string, string> {
  return { 'Content-Type': contentType, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
}

/** Returns the time limit of a scrape: Prometheus' own timeout, less 5 % for the transfer. */
function timeoutOf(header: string | undefined): number {
  const seconds = Number(header);
  const known = seconds > 0 ? Math.min(seconds, maxTimeoutSeconds) : defaultTimeoutSeconds;
  return known * 950;
}

/**
 * Returns the result of the promise, or `undefined` after the time limit. Ignores a failure after
 * that.
 */
async function within(timeoutMs: number, promise: Promise<Snapshot>): Promise<Snapshot | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined).unref();
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

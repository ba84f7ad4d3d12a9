import { createServer, request as sendRequest, type Server } from 'node:http';
import { MetricsError } from '../errors.ts';
import type { MetricsHandler } from './node-handler.ts';
import { isAt } from './request-target.ts';
import { leaveUnmeasured } from '../core/unmeasured.ts';
import { messageOf, Warning } from './warning.ts';

/** What a listener is made of. */
export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Where the page is; anything else is 404. */
  readonly path: string;
  readonly handler: MetricsHandler;
  /**
   * The same for all that may serve each other's numbers, different for any other. A function is
   * asked each time: a process that forks workers later shares a directory from then on.
   */
  readonly identity: string | (() => string);
  /** How long to wait before trying again for a port that is taken. @default 2000 */
  readonly retryMs?: number | undefined;
}

const defaultRetryMs = 2000;
const closeGraceMs = 2000;
const probeTimeoutMs = 1000;
/**
 * A sibling that is blocked or just going doesn't answer; nor do some strangers. After so many
 * tries one is told either way.
 */
const patientTries = 3;
const identityHeader = 'promenade-identity';

/**
 * The server on METRICS_PORT. Of several processes that want the port one has it; the others try
 * again every few seconds, quietly, so that one of those alive always serves it. It doesn't keep
 * the process alive.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #warning: Warning = new Warning('WARN_METRICS_PORT');
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = this.#createServer();
  }

  /** Whether this process is the one that has the port. */
  get listening(): boolean {
    return this.#server.listening;
  }

  /**
   * Resolves when the port is ours, or is taken and will be tried again.
   *
   * @throws MetricsError ERR_METRICS_INVALID_SETTING when it can never be: no such address, no
   *   permission.
   */
  async listen(): Promise<void> {
    const error = await this.#bind();
    if (error === undefined) return;
    if (error.code !== 'EADDRINUSE') {
      const { host, port } = this.#options;
      throw new MetricsError(
        'ERR_METRICS_INVALID_SETTING',
        `METRICS_HOST, METRICS_PORT: can't listen on ${host} port ${port}: ${error.message}; choose another address or port.`,
        { cause: error },
      );
    }
    void this.#waitForPort();
  }

  /** Stops serving and trying; scrapes under way have two seconds to end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (!this.#server.listening) return;
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), closeGraceMs);
    await new Promise((resolve) => this.#server.close(resolve));
    clearTimeout(cutOff);
  }

  get #identity(): string {
    const { identity } = this.#options;
    return typeof identity === 'string' ? identity : identity();
  }

  #createServer(): Server {
    const { path, handler } = this.#options;
    const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
      response.setHeader(identityHeader, this.#identity);
      if (isAt(request.url ?? '', path)) return handler(request, response);
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`Metrics are at ${path}.\n`);
    });
    leaveUnmeasured(server);
    server.on('connection', (socket) => socket.unref());
    return server.unref();
  }

  /** One try for the port: `undefined` when it is ours, else why not. */
  #bind(): Promise<NodeJS.ErrnoException | undefined> {
    const { host, port } = this.#options;
    return new Promise((resolve) => {
      const settle = (error?: NodeJS.ErrnoException): void => {
        this.#server.off('error', settle).off('listening', settle);
        if (error === undefined)
          this.#server.on('error', (later) => this.#warning.give(`METRICS_PORT: ${messageOf(later)}`));
        resolve(error);
      };
      this.#server.once('error', settle).once('listening', settle);
      // Exclusive, because the workers of node:cluster would else share the port and a blocked one
      // would get its part of the scrapes.
      this.#server.listen({ host, port, exclusive: true });
    });
  }

  async #waitForPort(): Promise<void> {
    if (this.#tries < patientTries) await this.#tellOfStranger();
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#retry(), this.#options.retryMs ?? defaultRetryMs).unref();
  }

  async #retry(): Promise<void> {
    if ((await this.#bind()) !== undefined) return this.#waitForPort();
    this.#warning.rearm();
    if (this.#closed) this.#server.close();
  }

  /** Looks who has the port; a sibling is as it should be. */
  async #tellOfStranger(): Promise<void> {
    this.#tries++;
    const holder = await probe(this.#options);
    if (holder === this.#identity) this.#tries = patientTries;
    else if (holder !== 'silent' || this.#tries === patientTries) this.#warning.give(this.#strangerText(holder));
  }

  #strangerText(holder: string): string {
    const { host, port } = this.#options;
    const what =
      holder === 'stranger' || holder === 'silent'
        ? 'is taken by another program'
        : 'is taken by a process with other metrics (processes whose metrics belong together need one PROMETHEUS_MULTIPROC_DIR)';
    return `METRICS_PORT: ${host} port ${port} ${what}; metrics are not served until it is free. Choose another port.`;
  }
}

/**
 * Asks whoever has the port for its identity: `stranger` if it has none, `silent` if there is no
 * answer.
 */
function probe({ host, port }: ListenerOptions): Promise<string> {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return new Promise((resolve) => {
    const asked = sendRequest({
      host: address,
      port,
      method: 'OPTIONS',
      path: '*',
      agent: false,
      timeout: probeTimeoutMs,
    });
    leaveUnmeasured(asked);
    asked.on('socket', (socket) => socket.unref());
    asked.on('response', (response) => {
      response.resume();
      resolve([response.headers[identityHeader] ?? 'stranger'].flat()[0]!);
    });
    asked.on('timeout', () => asked.destroy());
    // Whoever breaks the connection off may be a sibling that is just going; only one who speaks
    // another language is certainly none.
    asked.on('error', ({ code = '' }: NodeJS.ErrnoException) =>
      resolve(code.startsWith('HPE_') ? 'stranger' : 'silent'),
    );
    asked.end();
  });
}

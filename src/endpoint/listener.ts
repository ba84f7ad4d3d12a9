import { createServer, request as sendRequest, type Server } from 'node:http';
import { MetricsError } from '../errors.ts';
import type { MetricsHandler } from './node-handler.ts';
import { isAt } from './request-target.ts';
import { leaveUnmeasured } from '../core/unmeasured.ts';
import { messageOf, Warning } from './warning.ts';

/** Options of a listener. */
export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** The path of the page; other paths get 404. */
  readonly path: string;
  readonly handler: MetricsHandler;
  /**
   * The identity of the numbers: equal for processes that can serve each other's page. A function
   * is called each time, since a process shares a directory from its first fork on.
   */
  readonly identity: string | (() => string);
  /**
   * Interval of retries for a port that is taken.
   * @default 2000
   */
  readonly retryMs?: number | undefined;
}

const defaultRetryMs = 2000;
const closeGraceMs = 2000;
const probeTimeoutMs = 1000;
/**
 * A sibling that is blocked or exiting does not answer, nor do some other programs. After this many
 * tries the warning is given anyway.
 */
const patientTries = 3;
const identityHeader = 'promenade-identity';

/**
 * The server on METRICS_PORT. One of several processes holds the port; the others retry every few
 * seconds, so that a live process takes it over. It does not keep the process alive.
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

  /** True if this process holds the port. */
  get listening(): boolean {
    return this.#server.listening;
  }

  /**
   * Resolves when the port is open, or is taken and will be retried.
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

  /** Stops serving and retrying. Open scrapes have two seconds to finish. */
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

  /** Tries to bind the port once. Returns `undefined` on success, else the error. */
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
      // Exclusive: workers of node:cluster would share the port otherwise, and a blocked worker
      // would get scrapes.
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

  /** Probes who holds the port, and warns if it is not a sibling. */
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
 * Asks the holder of the port for its identity. Returns `stranger` if it has none, `silent` without
 * an answer.
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
    // A holder that resets the connection may be an exiting sibling. One that does not speak HTTP
    // is certainly another program.
    asked.on('error', ({ code = '' }: NodeJS.ErrnoException) =>
      resolve(code.startsWith('HPE_') ? 'stranger' : 'silent'),
    );
    asked.end();
  });
}

import { createServer, type Server } from 'node:http';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { CommandError } from './command.ts';
import type { AnyRequest, AnyResponse } from './reception.ts';
import { admitsClient, clientOptions } from './tls-options.ts';
import type { LoadedWebConfig, WebConfigFile } from './web-config-file.ts';

/** Answers one request, over HTTP/1.1 or HTTP/2. */
export type AnyHandler = (request: AnyRequest, response: AnyResponse) => void;

/** How long requests under way may take once the server is told to end. */
const GRACE_MS = 10_000;
const TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 10_000 };

/** The server of `promenade serve`: plain HTTP, or TLS with HTTP/2 as the configuration has it. */
export class PageServer {
  readonly #server: Server | TlsServer;
  readonly #sessions: Set<ServerHttp2Session> = new Set();
  #stopping = false;

  constructor(handler: AnyHandler, webConfig: WebConfigFile | undefined) {
    const answer: AnyHandler = (request, response) => {
      response.once('close', () => this.#stopping && setImmediate(() => this.#closeIdle()));
      handler(request, response);
    };
    const loaded = webConfig?.loaded;
    this.#server = loaded?.tls ? this.#secure(loaded, webConfig!, answer) : createServer(TIMEOUTS, answer);
  }

  /** From now on connections get these certificates. */
  renew({ tls }: LoadedWebConfig): void {
    if (tls) (this.#server as TlsServer).setSecureContext(tls);
  }

  /**
   * Returns where it listens: `http://127.0.0.1:9464`.
   *
   * @throws CommandError where it can't.
   */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(refused(error, host, port)));
      this.#server.listen({ host, port, exclusive: true }, resolve);
    });
    const address = this.#server.address() as AddressInfo;
    const scheme = 'setSecureContext' in this.#server ? 'https' : 'http';
    return `${scheme}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Takes no more connections, and lets those under way end; cuts them off after ten seconds, or when it is called again. */
  async close(): Promise<void> {
    if (this.#stopping) return this.#cutOff();
    this.#stopping = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.#sessions) session.close();
    this.#closeIdle();
    const timer = setTimeout(() => this.#cutOff(), GRACE_MS);
    await closed;
    clearTimeout(timer);
  }

  #secure({ config, tls }: LoadedWebConfig, webConfig: WebConfigFile, answer: AnyHandler): TlsServer {
    const options = { ...tls!, ...clientOptions(config.tls!.client_auth_type), ...TIMEOUTS };
    const server: TlsServer = config.http2
      ? createSecureServer({ ...options, allowHTTP1: true }, answer)
      : createHttpsServer(options, answer);
    // Ahead of the listeners that begin the handshake, and HTTP after it.
    server.prependListener('connection', () => void webConfig.current());
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (!admitsClient(socket, webConfig.loaded.config.tls!)) socket.destroy();
    });
    server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session.once('close', () => this.#sessions.delete(session)));
    });
    return server;
  }

  #closeIdle(): void {
    (this.#server as Partial<Server>).closeIdleConnections?.();
  }

  #cutOff(): void {
    (this.#server as Partial<Server>).closeAllConnections?.();
    for (const session of this.#sessions) session.destroy();
  }
}

function refused(error: NodeJS.ErrnoException, host: string, port: number): CommandError {
  const why =
    error.code === 'EADDRINUSE'
      ? `${host} port ${port} is taken: choose another with --port, or end what listens there`
      : `can't listen on ${host} port ${port} (${error.message}): choose another with --host and --port`;
  return new CommandError(`${why}.`, { cause: error });
}

import { createServer, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { CommandError } from './command.ts';
import { Connections } from './connections.ts';
import type { AnyRequest, AnyResponse } from './reception.ts';
import { admitsClient, clientOptions } from './tls-options.ts';
import type { LoadedWebConfig, WebConfigFile } from './web-config-file.ts';

/** Answers one request, over HTTP/1.1 or HTTP/2. */
export type AnyHandler = (request: AnyRequest, response: AnyResponse) => void;

/** Time limit for open requests during shutdown. */
const GRACE_MS = 10_000;
const TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 10_000 };

/** The server of `promenade serve`: plain HTTP, or TLS with HTTP/2 as the configuration has it. */
export class PageServer {
  readonly #server: Server | TlsServer;
  readonly #connections: Connections;
  #stopping = false;

  constructor(handler: AnyHandler, webConfig: WebConfigFile | undefined) {
    const answer: AnyHandler = (request, response) => {
      this.#connections.busy(request, response);
      handler(request, response);
    };
    const loaded = webConfig?.loaded;
    this.#server = loaded?.tls ? createTlsServer(loaded, webConfig!, answer) : createServer(TIMEOUTS, answer);
    this.#connections = new Connections(this.#server, loaded?.tls !== undefined);
  }

  /** Uses these certificates for new connections. */
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

  /**
   * Stops accepting connections and waits for open requests. Destroys them after ten seconds, or on
   * a second call.
   */
  async close(): Promise<void> {
    if (this.#stopping) return this.#connections.cutOff();
    this.#stopping = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#connections.end();
    const timer = setTimeout(() => this.#connections.cutOff(), GRACE_MS);
    await closed;
    clearTimeout(timer);
  }
}

function createTlsServer({ config, tls }: LoadedWebConfig, webConfig: WebConfigFile, answer: AnyHandler): TlsServer {
  const options = { ...tls!, ...clientOptions(config.tls!.client_auth_type), ...TIMEOUTS };
  const server: TlsServer = config.http2
    ? createSecureServer({ ...options, allowHTTP1: true }, answer)
    : createHttpsServer(options, answer);
  // Must run before the listeners of the TLS handshake and of HTTP.
  server.prependListener('connection', () => void webConfig.current());
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (!admitsClient(socket, webConfig.loaded.config.tls!)) socket.destroy();
  });
  return server;
}

function refused(error: NodeJS.ErrnoException, host: string, port: number): CommandError {
  const why =
    error.code === 'EADDRINUSE'
      ? `${host} port ${port} is taken: choose another with --port, or end what listens there`
      : `can't listen on ${host} port ${port} (${error.message}): choose another with --host and --port`;
  return new CommandError(`${why}.`, { cause: error });
}

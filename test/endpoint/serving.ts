import { createServer, request, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Serves on a free port until the test ends. */
export async function serveHttp(listener: RequestListener): Promise<{ server: Server; port: number; url: string }> {
  const server = createServer({ maxHeaderSize: 4 * 1024 * 1024 }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * What node:http's client got. Unlike fetch, it sends what it is told: duplicates, odd targets, any
 * method.
 */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export function send(
  port: number,
  options: { path?: string; method?: string; headers?: Record<string, string | string[]> | string[] } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/metrics', agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      response.on('error', reject);
    });
    sent.on('error', reject).end();
  });
}

/** Writes bytes to a socket and gives what comes back until the other side closes. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = open(port);
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => resolve(text));
    socket.write(bytes, 'latin1');
  });
}

/** A connection whose errors don't matter. */
export function open(port: number): Socket {
  return connect(port, '127.0.0.1').on('error', () => {});
}

/** Waits until `condition` holds; the test's own time limit is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The process warnings of one code, from now to the end of the test. */
export function warnings(code: string): string[] {
  const texts: string[] = [];
  const listener = (warning: Error & { code?: string }): void =>
    void (warning.code === code && texts.push(warning.message));
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  return texts;
}

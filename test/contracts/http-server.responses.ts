import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** Bytes of the body of GET /huge. */
export const HUGE = 50_000_000;

/** Requests to GET /held and their responses, with what hangs on them. */
export const held: WeakRef<object>[] = [];

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** What the contract's application answers below any framework, by method and path. */
export const responses: Readonly<Record<string, Respond>> = {
  'GET /stream': (_request, response) => {
    response.write('héllo ', () => {
      response.write('776f726c64', 'hex');
      response.end(new Uint8Array([33]), () => {});
    });
  },
  'GET /gzip': (_request, response) => {
    response.setHeader('Content-Encoding', 'gzip');
    response.end(gzipSync('x'.repeat(10_000)));
  },
  'GET /broken': (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.write('01234', () => setTimeout(() => response.destroy(), 20));
  },
  'GET /hang': () => {},
  'GET /huge': (_request, response) => void response.end(Buffer.alloc(HUGE)),
  'GET /held': (request, response) => {
    const document = { bytes: Buffer.alloc(1000) };
    Object.assign(request, { document });
    held.push(new WeakRef(request), new WeakRef(response), new WeakRef(document));
    response.end('held');
  },
  'GET /empty': (_request, response) => void response.writeHead(204).end(),
  'GET /same': (_request, response) => {
    response.statusCode = 304;
    response.end('not sent');
  },
  'POST /size': (request, response) => {
    let size = 0;
    request.on('data', (chunk: Buffer) => (size += chunk.length));
    request.on('end', () => response.end(String(size)));
    request.on('error', () => {});
  },
  'POST /refuse': (_request, response) => void response.writeHead(413).end('too much'),
};

/** Each of them apart. */
export const entries: readonly (readonly [method: 'get' | 'post', path: string, respond: Respond])[] = Object.entries(
  responses,
).map(([key, respond]) => {
  const [method, path] = key.split(' ') as [string, string];
  return [method.toLowerCase() as 'get' | 'post', path, respond];
});

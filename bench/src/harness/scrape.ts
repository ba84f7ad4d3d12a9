import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Agent, createServer, get, IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { Writable } from 'node:stream';

/**
 * Has a listener write its page to a connection that takes everything at once and keeps nothing:
 * the page alone, without network or reader.
 */
export async function writeToNowhere(listener: RequestListener): Promise<void> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url: '/metrics' });
  const response = new ServerResponse(request);
  let bytes = 0;
  const nowhere = new Writable({
    highWaterMark: 2 ** 30,
    write: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      done();
    },
  });
  response.assignSocket(nowhere as Socket);
  const finished = once(response, 'finish');
  listener(request, response);
  await finished;
  assert.equal(response.statusCode, 200);
  assert(bytes > 0, 'an empty page');
}

/** On a free port of 127.0.0.1. */
export async function serveOnLoopback(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const agent = new Agent({ keepAlive: true });

/** The page that is served on a port of 127.0.0.1, as it came. */
export async function scrape(port: number): Promise<Buffer[]> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path: '/metrics', agent }), 'response')) as [
    IncomingMessage,
  ];
  assert.equal(response.statusCode, 200);
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(response, 'end');
  return chunks;
}

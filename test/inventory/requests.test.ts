import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Inventory, startInventory, startTimeoutMs, token } from './start-inventory.ts';

let inventory: Inventory;
let pids: number[];

beforeAll(async () => {
  inventory = await startInventory();
  pids = await inventory.pids(2);
}, startTimeoutMs);
afterAll(() => inventory.stop());

/** Sends bytes as they are and returns all that comes back until the server closes. */
async function send(bytes: string | Buffer): Promise<string> {
  const socket = connect(Number(new URL(inventory.origin).port), '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  socket.on('error', () => undefined);
  socket.end(bytes);
  await new Promise((closed) => socket.once('close', closed));
  return received;
}

const head = (start: string, ...headers: string[]): string => [start, 'Host: x', ...headers, '', ''].join('\r\n');
const write = [`Authorization: Token ${token}`, 'Content-Type: application/json', 'Connection: close'];

const broken: [what: string, bytes: string | Buffer, status: number][] = [
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['binary noise', Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7) % 256)), 400],
  ['an unknown method', head('BREW /api/dcim/sites HTTP/1.1'), 400],
  ['a method that no route has', head('PROPFIND /api/dcim/sites HTTP/1.1', 'Connection: close'), 404],
  ['a URL that cannot be decoded', head('GET /%zz HTTP/1.1', 'Connection: close'), 400],
  ['an id that cannot be decoded', head('GET /api/dcim/sites/%ff%fe HTTP/1.1', 'Connection: close'), 400],
  ['a path that climbs', head('GET /static/../package.json HTTP/1.1', 'Connection: close'), 404],
  ['no host', 'GET /api/dcim/sites HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['headers beyond any measure', head('GET / HTTP/1.1', `X: ${'x'.repeat(17_000)}`), 431],
  ['a length that is none', head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: -5'), 400],
  ['two lengths', head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: 1', 'Content-Length: 2'), 400],
  ['broken JSON', `${head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: 7')}{"name"`, 400],
  [
    'JSON that would change prototypes',
    `${head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: 21')}{"__proto__":{"a":1}}x`,
    400,
  ],
  ['a huge body', head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: 99999999'), 413],
  [
    'a content type that is none',
    head('POST /api/dcim/sites HTTP/1.1', write[0]!, 'Content-Type: ;;;', 'Content-Length: 1', 'Connection: close') +
      'x',
    415,
  ],
  ['a broken chunk', `${head('POST /api/dcim/sites HTTP/1.1', ...write, 'Transfer-Encoding: chunked')}zz\r\n`, 400],
  ['HTTP/1.0 without a host', 'GET /api/dcim/sites/1 HTTP/1.0\r\n\r\n', 200],
  [
    'a broken cookie',
    head('GET /dcim/sites/1 HTTP/1.1', 'Cookie: inventory_session=%zz; ;=;', 'Connection: close'),
    200,
  ],
];

it.each(broken)('%s gets a clear answer', async (_what, bytes, status) => {
  expect(await send(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

it('a body that never comes, and a client that goes away, do no harm', async () => {
  expect(await send(head('POST /api/dcim/sites HTTP/1.1', ...write, 'Content-Length: 50'))).not.toMatch(/ 2\d\d /);
  const socket = connect(Number(new URL(inventory.origin).port), '127.0.0.1');
  socket.write(head('GET /extras/slow?ms=200 HTTP/1.1'));
  await once(socket, 'connect');
  socket.destroy();
  await once(socket, 'close');
  expect((await inventory.api('GET', '/api/status')).status).toBe(200);
});

it('leaves the processes as they were', async () => {
  expect(new Set(await inventory.pids(2))).toEqual(new Set(pids));
  expect(inventory.output()).not.toMatch(/ended/);
});

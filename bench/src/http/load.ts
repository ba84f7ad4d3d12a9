import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerTasks } from '../harness/answer-tasks.ts';

/**
 * Requests as fast as the server answers, over a few connections with one request each at a time,
 * for so long.
 */
export interface Task {
  readonly port: number;
  readonly connections: number;
  readonly ms: number;
}

/** What came of it. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
}

const HEAD = Buffer.from('GET /devices/42 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200 OK\r\n');

answerTasks(async ({ port, connections, ms }: Task): Promise<Load> => {
  const clients = await Promise.all(Array.from({ length: connections }, () => Client.open(port)));
  const start = performance.now();
  await Promise.all(clients.map((client) => client.run(start + ms)));
  const seconds = (performance.now() - start) / 1000;
  return { requests: clients.reduce((sum, { requests }) => sum + requests, 0), seconds };
});

/**
 * One connection. All answers have the same length, so that none needs to be parsed: the server has
 * the machine to itself.
 */
class Client {
  requests = 1;
  readonly #socket: Socket;
  readonly #length: number;

  private constructor(socket: Socket, length: number) {
    this.#socket = socket;
    this.#length = length;
  }

  static async open(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    socket.write(HEAD);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    const [head, body = ''] = answer.toString().split('\r\n\r\n');
    assert(answer.subarray(0, OK.length).equals(OK), head);
    assert.equal(
      /^content-length: *(\d+)$/im.exec(head!)?.[1],
      String(Buffer.byteLength(body)),
      'not all in one piece',
    );
    return new Client(socket, answer.length);
  }

  /** Until then. */
  run(end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let got = 0;
      this.#socket.on('error', reject);
      this.#socket.on('data', (chunk: Buffer) => {
        if (got === 0 && !chunk.subarray(0, OK.length).equals(OK)) reject(new Error(chunk.toString()));
        got += chunk.length;
        if (got < this.#length) return;
        if (got > this.#length) reject(new Error('more than an answer'));
        got = 0;
        this.requests++;
        if (performance.now() < end) {
          this.#socket.write(HEAD);
        } else {
          this.#socket.destroy();
          resolve();
        }
      });
      this.#socket.write(HEAD);
    });
  }
}

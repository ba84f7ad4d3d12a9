import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { expect, test } from 'vitest';
import { open } from '../support/raw-client.ts';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { readerOf } from './page.ts';
import { Numbers } from '../support/http-numbers.ts';

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(framework: string, env: NodeJS.ProcessEnv): Promise<Running> {
  const child = startFixture('answering-server.mjs', [framework], { env });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

/** The wire's end of an answer: `done`, whole, or as two chunks. */
const ANSWERED = /\r\n\r\n(?:done|2\r\ndo\r\n2\r\nne\r\n0\r\n\r\n)$/;

/** Asks so many times, and kills the server the moment that the last answer is there. */
async function askAndKill({ child, port }: Running, answers: number): Promise<void> {
  const socket = await open(port);
  const exited = once(child, 'exit');
  let left = answers;
  let answer = '';
  const ask = (): void => void socket.write(`GET ${left % 2 === 0 ? '/pieces' : '/a'} HTTP/1.1\r\nHost: a\r\n\r\n`);
  socket.on('data', (data: Buffer) => {
    answer += data.toString();
    if (!ANSWERED.test(answer)) return;
    answer = '';
    if (--left > 0) ask();
    else child.kill('SIGKILL');
  });
  ask();
  await exited;
  expect(left).toBe(0);
}

test.each(['http', 'express', 'fastify'])(
  'nothing that a client has received is missing after a kill: %s',
  { timeout: 600_000 },
  async (framework) => {
    const directory = temporaryDirectory();
    const env = environment(directory);
    const kills = scale(10, 200);
    let received = 0;
    let next = start(framework, env);
    for (let i = 0; i < kills; i++) {
      const running = await next;
      next = start(framework, env);
      await askAndKill(running, 1 + (i % 3));
      received += 1 + (i % 3);
    }
    await kill((await next).child);
    const numbers = Numbers.in((await readerOf(directory).snapshot()).families);
    const counted = {
      requests: numbers.value('http_server_requests'),
      responses: numbers.value('http_server_responses', { status: '200' }),
      durations: numbers.count('http_server_request_duration_seconds'),
      requestSizes: numbers.count('http_server_request_body_size_bytes'),
      responseSizes: numbers.count('http_server_response_body_size_bytes'),
      bytes: numbers.sum('http_server_response_body_size_bytes'),
    };
    report(`killed after its answer, ${framework}`, { kills, received, ...counted });
    expect(counted).toEqual({
      requests: received,
      responses: received,
      durations: received,
      requestSizes: received,
      responseSizes: received,
      bytes: 4 * received,
    });
  },
);

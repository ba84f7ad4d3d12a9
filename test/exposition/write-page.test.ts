import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, pipeline, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createCompressor } from '../../src/exposition/content-encoding.ts';
import { writePage } from '../../src/exposition/write-page.ts';

const CHUNK = `${'x'.repeat(60 * 1024)}\n`;

/** A page that tells how many of its chunks have been rendered, and whether it was closed. */
function pageOf(count: number, chunk: string = CHUNK) {
  const page = {
    rendered: 0,
    closed: false,
    *[Symbol.iterator](): Generator<string, void, undefined> {
      try {
        for (; page.rendered < count; page.rendered++) yield chunk;
      } finally {
        page.closed = true;
      }
    },
  };
  return page;
}

/** A server's answer to one request. */
async function request(listener: RequestListener): Promise<IncomingMessage> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => get({ port, agent: false }, resolve).on('error', reject));
}

describe('to a response', () => {
  test('a page of one chunk has a Content-Length', async () => {
    const response = await request((_, res) => void writePage(pageOf(1, 'up 1 # é\n'), res));
    expect(response.headers['content-length']).toBe('10');
    expect((await buffer(response)).toString()).toBe('up 1 # é\n');
  });

  test('so has an empty page', async () => {
    const response = await request((_, res) => void writePage(pageOf(0), res));
    expect(response.headers['content-length']).toBe('0');
    expect(await buffer(response)).toHaveLength(0);
  });

  test('empty chunks are not written, and bytes go out as they are', async () => {
    const chunks = ['', Buffer.from([0, 200]), '', '', Buffer.from([255]), ''];
    const response = await request((_, res) => void writePage(chunks, res));
    expect([...(await buffer(response))]).toEqual([0, 200, 255]);
  });

  test('a long page is streamed', async () => {
    let whole: Promise<boolean> | undefined;
    const response = await request((_, res) => void (whole = writePage(pageOf(100), res)));
    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect((await buffer(response)).toString()).toBe(CHUNK.repeat(100));
    expect(await whole).toBe(true);
  });

  test('a long page can be packed on its way', async () => {
    const response = await request((_, res) => {
      const gzip = createCompressor('gzip')!;
      pipeline(gzip, res, () => {});
      void writePage(pageOf(100), gzip);
    });
    expect(gunzipSync(await buffer(response)).toString()).toBe(CHUNK.repeat(100));
  });

  test('it ends when the reader leaves', async () => {
    const page = pageOf(10_000);
    let whole: Promise<boolean> | undefined;
    const response = await request((_, res) => void (whole = writePage(page, res)));
    response.once('data', () => response.destroy());
    expect(await whole).toBe(false);
    expect(page.closed).toBe(true);
    expect(page.rendered).toBeLessThan(10_000);
  });

  test('it ends when the reader of a packed page leaves', async () => {
    const page = pageOf(100_000);
    let whole: Promise<boolean> | undefined;
    const response = await request((_, res) => {
      const gzip = createCompressor('gzip')!;
      pipeline(gzip, res, () => {});
      whole = writePage(page, gzip);
    });
    response.once('data', () => response.destroy());
    expect(await whole).toBe(false);
    expect(page.closed).toBe(true);
  });
});

test('nothing is rendered that the reader has no room for', async () => {
  const page = pageOf(10);
  let take: () => void = () => {};
  const target = new Writable({ write: (_chunk, _encoding, done) => void (take = done) });
  const whole = writePage(page, target);
  await vi.waitFor(() => expect(target.writableNeedDrain).toBe(true));
  // The chunk that the reader has, and the one after it.
  expect(page.rendered).toBe(1);
  take();
  await vi.waitFor(() => expect(page.rendered).toBe(2));
  target.destroy();
  expect(await whole).toBe(false);
  expect(page.closed).toBe(true);
});

test('the event loop has its turns while a page is rendered', async () => {
  function* slowPage(): Generator<string, void, undefined> {
    for (let i = 0; i < 10; i++) {
      const end = performance.now() + 5;
      while (performance.now() < end);
      yield CHUNK;
    }
  }
  let turns = 0;
  const counter = setInterval(() => turns++, 1);
  onTestFinished(() => clearInterval(counter));
  // This sink takes everything at once, without a turn of the event loop in between.
  await writePage(slowPage(), new Writable({ write: (_chunk, _encoding, done) => done() }));
  expect(turns).toBeGreaterThanOrEqual(3);
});

test('a page that fails is not taken for a whole one', async () => {
  function* brokenPage(): Generator<string, void, undefined> {
    yield CHUNK;
    yield CHUNK;
    throw new Error('broken');
  }
  const target = new PassThrough().resume();
  await expect(writePage(brokenPage(), target)).rejects.toThrow('broken');
  expect(target.destroyed).toBe(true);
  expect(target.writableEnded).toBe(false);
});

test("the target's error ends the page and nothing else", async () => {
  const page = pageOf(10);
  const target = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
  expect(await writePage(page, target)).toBe(false);
  expect(page.closed).toBe(true);
});

test('a target that is closed already gets nothing', async () => {
  expect(await writePage(pageOf(10), new PassThrough().destroy())).toBe(false);
});

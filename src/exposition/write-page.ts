import type { Writable } from 'node:stream';
import { TimeSlice } from '../time-slice.ts';

/**
 * Writes a page to a response, or to the compressor before it, and ends it. A page is rendered only
 * as fast as its reader takes it, in slices that hold the event loop for some 3 ms; one of a single
 * chunk goes out in a single write, to which Node.js adds the Content-Length (if the head was set
 * with `setHeader`, not written with `writeHead`).
 *
 * @returns whether the page was handed over whole; not so when the reader left first
 * @throws what rendering threw, once the target is destroyed: half a page must not pass for a whole
 *   one
 */
export async function writePage(page: Iterable<string | Uint8Array>, target: Writable): Promise<boolean> {
  const chunks = page[Symbol.iterator]();
  // After an error of its own the target closes, and that ends the page.
  target.on('error', ignore);
  try {
    return await writeChunks(chunks, target);
  } catch (error) {
    target.destroy();
    throw error;
  } finally {
    chunks.return?.();
    target.off('error', ignore);
  }
}

async function writeChunks(chunks: Iterator<string | Uint8Array>, target: Writable): Promise<boolean> {
  const slice = new TimeSlice();
  let chunk = chunks.next();
  // One chunk ahead of the one that is written, so that the last is known to be the last.
  let next = chunk.done ? chunk : chunks.next();
  while (!next.done && !target.destroyed) {
    if (chunk.value.length > 0 && !target.write(chunk.value)) await happens('drain', target);
    // A socket that takes everything at once drains within the same turn of the event loop.
    if (slice.spent) await slice.rest();
    chunk = next;
    next = chunks.next();
  }
  if (target.destroyed) return false;
  target.end(chunk.done ? '' : chunk.value);
  await happens('finish', target);
  return target.writableFinished;
}

/** Resolves at the event, or when the target closes before it. */
function happens(event: 'drain' | 'finish', target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      target.off(event, settle).off('close', settle);
      resolve();
    };
    target.on(event, settle).on('close', settle);
  });
}

function ignore(): void {}

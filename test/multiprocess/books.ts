import { readFileSync } from 'node:fs';

/**
 * What a writer (test/fixtures/writer.mjs) says that it has counted: no less than `done`, no more
 * than `begun`.
 */
export interface Books {
  readonly begun: number;
  readonly done: number;
}

/** Reads a writer's books; one that was killed before it began has none. */
export function readBooks(path: string): Books {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(readFileSync(path));
  } catch {
    return { begun: 0, done: 0 };
  }
  const [begun = 0, done = 0] = new Float64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
  return { begun, done };
}

/** All books together. */
export function sumOf(books: readonly Books[]): Books {
  return books.reduce((a, b) => ({ begun: a.begun + b.begun, done: a.done + b.done }), { begun: 0, done: 0 });
}

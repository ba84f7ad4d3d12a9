import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The SHA-256 of a scrape token: all that is kept of it, so that no dump or message can give it
 * away.
 */
export type TokenDigest = Buffer;

/** Longer than any sensible token, short enough that nobody can make us hash megabytes. */
export const maxTokenLength = 4096;

const digestPattern = /^sha256:([0-9a-f]{64})$/i;
const tokenPattern = /^[\x21-\x2b\x2d-\x7e]+$/;

/**
 * Reads one configured token: plain, or `sha256:` and 64 hexadecimal digits.
 *
 * @returns its digest, or what is wrong with it, in words that don't repeat it.
 */
export function parseToken(token: string): TokenDigest | string {
  if (/^sha256:/i.test(token)) {
    const digest = digestPattern.exec(token);
    return digest === null ? 'has not 64 hexadecimal digits after sha256:' : Buffer.from(digest[1]!, 'hex');
  }
  if (token.length > maxTokenLength) return `is longer than ${maxTokenLength} characters`;
  if (!tokenPattern.test(token)) return 'has characters that no token may have (blanks, commas, control or non-ASCII)';
  return digestOf(token);
}

export function digestOf(token: string): TokenDigest {
  return createHash('sha256').update(token).digest();
}

/**
 * Whether `presented` is one of `known`: compares with every one of them, each in constant time.
 */
export function includesToken(known: Iterable<TokenDigest>, presented: string): boolean {
  const digest = digestOf(presented);
  let found = 0;
  for (const candidate of known) found |= Number(timingSafeEqual(candidate, digest));
  return found === 1;
}

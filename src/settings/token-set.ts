import { createHmac, randomBytes } from 'node:crypto';
import { digestOf, type TokenDigest } from './token-digest.ts';

const secret = randomBytes(32);

/**
 * Known tokens. Looking one up costs the same however many there are, and its time tells nothing
 * about them: they lie under keys that only this process can compute.
 */
export class TokenSet {
  readonly #keys: ReadonlySet<string>;

  constructor(tokens: readonly TokenDigest[]) {
    this.#keys = new Set(tokens.map(keyOf));
  }

  has(token: string): boolean {
    return this.#keys.has(keyOf(digestOf(token)));
  }
}

function keyOf(digest: TokenDigest): string {
  return createHmac('sha256', secret).update(digest).digest('base64');
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { RequestError } from '../resource/errors.ts';

/** Compares two secrets in constant time. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/**
 * Returns a check that passes requests with `Authorization: Token <token>` and refuses others with
 * 401.
 */
export function createTokenCheck(token: string): (request: FastifyRequest) => void {
  return (request) => {
    const [scheme, given] = (request.headers.authorization ?? '').split(' ', 2);
    if (!given || !/^(token|bearer)$/i.test(scheme ?? '')) {
      throw new RequestError(401, 'A token is needed: send the header Authorization: Token <token>.');
    }
    if (!sameSecret(given, token)) throw new RequestError(401, 'This token is not valid.');
  };
}

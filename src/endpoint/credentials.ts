import { maxTokenLength } from '../settings/token-digest.ts';

/** The challenges of a 401, for its WWW-Authenticate header. */
export const challenges = 'Token realm="metrics", Bearer realm="metrics", Basic realm="metrics", charset="UTF-8"';

const headerPattern = /^(token|bearer|basic) +([\x21-\x7e]+) *$/i;
const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Returns the token of an Authorization header: `Token x`, `Bearer x`, or Basic with any user name
 * and the token as password. Returns `undefined` for other schemes and malformed headers; never
 * throws.
 */
export function tokenOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > 2 * maxTokenLength) return undefined;
  const [, scheme, credentials] = headerPattern.exec(authorization) ?? [];
  if (scheme === undefined) return undefined;
  return scheme.toLowerCase() === 'basic' ? passwordOf(credentials!) : credentials;
}

function passwordOf(base64: string): string | undefined {
  if (!base64Pattern.test(base64)) return undefined;
  const pair = Buffer.from(base64, 'base64').toString();
  return /^[^:]*:(\P{Cc}+)$/u.exec(pair)?.[1];
}

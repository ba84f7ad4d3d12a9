import type { FastifyInstance, FastifyReply } from 'fastify';

const cookieName = 'inventory_session';
const lifetimeSeconds = 8 * 3_600;

/**
 * Who is logged in, from a request's Cookie header. A session is a signed cookie and nothing else, so any process that
 * knows the secret can tell. Needs @fastify/cookie to be registered.
 */
export function currentUser(app: FastifyInstance, cookieHeader: string | undefined): string | undefined {
  const cookie = cookieHeader === undefined ? undefined : app.parseCookie(cookieHeader)[cookieName];
  const { valid, value } = cookie === undefined ? { valid: false, value: null } : app.unsignCookie(cookie);
  if (!valid || value === null) return undefined;
  const [user, expires] = value.split('.');
  return Number(expires) > Date.now() ? user : undefined;
}

/** Begins a session. */
export function logIn(reply: FastifyReply, user: string): void {
  const expires = Date.now() + lifetimeSeconds * 1_000;
  reply.setCookie(cookieName, `${user}.${expires}`, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
    maxAge: lifetimeSeconds,
  });
}

/** Ends it. */
export function logOut(reply: FastifyReply): void {
  reply.clearCookie(cookieName, { path: '/' });
}

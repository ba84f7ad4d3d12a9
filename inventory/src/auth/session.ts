import { createHmac } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { sameSecret } from './token.ts';

const cookieName = 'inventory_session';
const lifetimeSeconds = 8 * 3_600;

/**
 * Sessions that are a signed cookie and nothing else, `<user>.<expires>.<signature>`: any process
 * that knows the secret can tell who is logged in.
 */
export class Sessions {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Who is logged in, from a request's Cookie header. */
  userOf(cookieHeader: string | undefined): string | undefined {
    const cookies = (cookieHeader ?? '').split(';').map((cookie) => cookie.trim());
    const cookie = cookies.find((candidate) => candidate.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
    const [user, expires, signature, ...rest] = (cookie ?? '').split('.');
    if (!user || !expires || !signature || rest.length > 0) return undefined;
    if (!sameSecret(signature, this.#sign(`${user}.${expires}`))) return undefined;
    return Number(expires) > Date.now() ? user : undefined;
  }

  /** Begins a session. */
  logIn(reply: FastifyReply, user: string): void {
    const content = `${user}.${Date.now() + lifetimeSeconds * 1_000}`;
    setCookie(reply, `${content}.${this.#sign(content)}`, lifetimeSeconds);
  }

  /** Ends it, in the browser that sent the request. */
  logOut(reply: FastifyReply): void {
    setCookie(reply, '', 0);
  }

  #sign(content: string): string {
    return createHmac('sha256', this.#secret).update(content).digest('base64url');
  }
}

/**
 * Of another site's forms and scripts the browser sends no such cookie along, and no script can
 * read it.
 */
function setCookie(reply: FastifyReply, value: string, maxAgeSeconds: number): void {
  reply.header('set-cookie', `${cookieName}=${value}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; SameSite=Lax`);
}

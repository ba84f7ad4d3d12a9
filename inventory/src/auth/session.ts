import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Tokens, type TokensSimple } from '@fastify/csrf';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { getIronSession, type IronSession, type SessionOptions } from 'iron-session';

const cookieName = 'inventory_session';
const lifetimeSeconds = 8 * 3_600;
const tokens: TokensSimple = new Tokens({});

/** The content of a session's cookie, encrypted and signed. */
interface Content {
  user: string;
  /** The secret that the CSRF tokens of this session's forms are made from. */
  csrfSecret: string;
}

/** A logged-in user, as a request tells. */
export interface Session {
  readonly user: string;
  /** Returns a token for a form of this session. Each call returns another one. */
  csrfToken(): string;
  /** True if the token was made for this session. */
  isCsrfToken(token: string): boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined if nobody is logged in. */
    session: Session | undefined;
  }
}

/** Gives every request its session, for hooks and routes that are registered later. */
export function registerSessions(app: FastifyInstance, sessions: Sessions): void {
  app.decorateRequest('session', undefined);
  app.addHook('onRequest', async (request, reply) => {
    request.session = await sessions.read(request, reply);
  });
}

/**
 * Sessions that live in an encrypted cookie alone: every process that knows the secret can tell who
 * is logged in. The cookie is `Secure` where the request came by TLS, also to a proxy before us.
 */
export class Sessions {
  /** iron-session wants at least 32 characters. */
  readonly #password: string;

  constructor(secret: string) {
    this.#password = createHash('sha256').update(secret).digest('base64url');
  }

  /** Returns the session of a request; undefined if nobody is logged in. */
  async read(request: FastifyRequest, reply: FastifyReply): Promise<Session | undefined> {
    // Most requests have no cookie, and pay nothing.
    if (!request.headers.cookie?.includes(`${cookieName}=`)) return undefined;
    const { user, csrfSecret } = await this.#open(request, reply);
    if (user === undefined || csrfSecret === undefined) return undefined;
    return {
      user,
      csrfToken: () => tokens.create(csrfSecret),
      isCsrfToken: (token) => tokens.verify(csrfSecret, token),
    };
  }

  /** Begins a session. */
  async logIn(request: FastifyRequest, reply: FastifyReply, user: string): Promise<void> {
    const session = await this.#open(request, reply);
    session.user = user;
    session.csrfSecret = await tokens.secret();
    await session.save();
  }

  /** Ends the session, in the browser that sent the request. */
  async logOut(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    (await this.#open(request, reply)).destroy();
  }

  async #open(request: FastifyRequest, reply: FastifyReply): Promise<IronSession<Partial<Content>>> {
    const options: SessionOptions = {
      cookieName,
      password: this.#password,
      ttl: lifetimeSeconds,
      // The browser sends the cookie with no form of another site, and shows it to no script.
      cookieOptions: { path: '/', httpOnly: true, sameSite: 'lax', secure: request.protocol === 'https' },
    };
    try {
      return await getIronSession<Partial<Content>>(request.raw, reply.raw, options);
    } catch {
      // The cookie is not one of ours: go on as if there were none.
      return getIronSession<Partial<Content>>({ headers: {} } as IncomingMessage, reply.raw, options);
    }
  }
}

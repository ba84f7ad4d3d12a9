import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../resource/errors.ts';
import { last, type QueryString } from '../resource/list-query.ts';
import { permissionsOf } from './users.ts';

/** Lets only users through who may write: others go to the login page, or are refused. */
export async function requireLogin(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { session } = request;
  if (permissionsOf(session?.user).write) return undefined;
  if (session !== undefined) throw new RequestError(403, `The user ${session.user} may not change anything.`);
  return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
}

/**
 * Refuses forms that no page of this session has shown: each carries a CSRF token. The login form
 * has no session yet; for it the browser must not say that another site sent it.
 */
export async function refuseForeignForms(request: FastifyRequest): Promise<void> {
  if (request.method !== 'POST') return;
  const from = request.headers['sec-fetch-site'];
  if (from !== undefined && from !== 'same-origin' && from !== 'none') {
    throw new RequestError(403, 'This form was sent from another site.');
  }
  const { session } = request;
  if (session === undefined) return;
  const token = last((request.body as QueryString | undefined)?.['_csrf']) ?? '';
  if (!session.isCsrfToken(token)) {
    throw new RequestError(403, 'This form is too old, or was not sent from this site: load the page again.');
  }
}

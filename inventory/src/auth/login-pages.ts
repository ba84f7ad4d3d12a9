import type { FastifyInstance } from 'fastify';
import { last, type QueryString } from '../resource/list-query.ts';
import type { Sessions } from './session.ts';
import { isPassword, type Passwords } from './users.ts';

/** Defines `/login` and `/logout`. */
export function registerLoginPages(app: FastifyInstance, sessions: Sessions, passwords: Passwords): void {
  app.get<{ Querystring: QueryString }>('/login', async (request, reply) =>
    reply.viewAsync('login', { title: 'Log in', next: localPath(last(request.query['next'])), failed: false }),
  );

  app.post<{ Body: QueryString | undefined }>('/login', async (request, reply) => {
    const form = request.body ?? {};
    const next = localPath(last(form['next']));
    const user = last(form['username']) ?? '';
    if (!isPassword(passwords, user, last(form['password']) ?? ''))
      return reply.code(401).viewAsync('login', { title: 'Log in', next, failed: true });
    await sessions.logIn(request, reply, user);
    return reply.redirect(next, 303);
  });

  app.post('/logout', async (request, reply) => {
    await sessions.logOut(request, reply);
    return reply.redirect('/', 303);
  });
}

/** Returns the path to go to after the login: never another site. */
function localPath(next: string | undefined): string {
  return next && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}

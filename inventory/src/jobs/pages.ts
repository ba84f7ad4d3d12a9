import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../resource/errors.ts';
import { jobDefinitions, type Jobs } from './jobs.ts';

const shown = 50;

type RequireLogin = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Defines `/extras/jobs`: the latest jobs, and a form for each kind. */
export function registerJobPages(app: FastifyInstance, jobs: Jobs, requireLogin: RequireLogin): void {
  const path = '/extras/jobs';

  async function show(reply: FastifyReply, problem?: string) {
    const latest = await jobs.list(shown);
    return reply.viewAsync('jobs', { title: 'Jobs', kinds: jobDefinitions, jobs: latest, problem });
  }

  app.get(path, async (_request, reply) => show(reply));

  app.post<{ Body: { name?: string; input?: string } | undefined }>(
    path,
    { onRequest: requireLogin },
    async (request, reply) => {
      try {
        await jobs.start(request.body?.name, request.body?.input);
        return reply.redirect(path, 303);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        const reasons = Object.values(error.fields ?? {}).flat();
        return show(reply.code(error.statusCode), reasons.join(' ') || error.message);
      }
    },
  );
}

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { toId } from '../resource/model.ts';
import type { Job } from './job.ts';
import { jobDefinitions, type Jobs } from './jobs.ts';

const shown = 100;

/** Defines `/api/extras/jobs`: lists the kinds and the latest jobs, and starts one. */
export function registerJobApi(app: FastifyInstance, jobs: Jobs, authorise: (request: FastifyRequest) => void): void {
  const path = '/api/extras/jobs';

  app.get(path, async () => ({
    kinds: jobDefinitions.map(({ name, label, input }) => ({ name, label, input: input ?? null })),
    results: (await jobs.list(shown)).map(toJson),
  }));

  app.post(path, { onRequest: async (request) => authorise(request) }, async (request, reply) => {
    const { name, input } = (request.body ?? {}) as { name?: unknown; input?: unknown };
    const job = await jobs.start(name, input);
    return reply.code(202).header('location', `${path}/${job.id}`).send(toJson(job));
  });

  app.get<{ Params: { id: string } }>(`${path}/:id`, async (request) =>
    toJson(await jobs.get(toId(request.params.id))),
  );
}

function toJson({ result, pid, started, finished, ...job }: Job): object {
  return {
    ...job,
    pid: pid || null,
    started: started || null,
    finished: finished || null,
    result: result === '' ? null : JSON.parse(result),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { invalid } from '../../resource/errors.ts';
import { last, type QueryString } from '../../resource/list-query.ts';

const maxMs = 10_000;

/**
 * Defines `/extras/slow`, a page that takes `?ms=` milliseconds: it shows what slow requests do to
 * graphs.
 */
export function registerSlowPage(app: FastifyInstance): void {
  app.get<{ Querystring: QueryString }>('/extras/slow', async (request, reply) => {
    const text = last(request.query['ms']) ?? '1000';
    const ms = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
    if (!(ms <= maxMs)) throw invalid({ ms: [`Must be a whole number from 0 to ${maxMs}.`] });
    await sleep(ms, undefined, { ref: false });
    return reply.viewAsync('slow', { title: 'Slow page', ms });
  });
}

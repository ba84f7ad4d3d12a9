import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { isBusy } from './database/violations.ts';
import { RequestError } from './resource/errors.ts';
import type { FieldErrors } from './resource/model.ts';

interface Answer {
  readonly status: number;
  readonly message: string;
  readonly fields?: FieldErrors | undefined;
}

/**
 * Answers failed requests: with JSON under `/api` (a list of messages for each field, or a
 * `detail`), with a page elsewhere. Logs our own failures and hides their details.
 */
export function registerErrorAnswers(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const answer = toAnswer(error);
    if (answer.status >= 500) request.log.error(error);
    return send(request, reply, answer);
  });
  app.setNotFoundHandler(async (request, reply) => send(request, reply, { status: 404, message: 'Not found.' }));
}

/** Answers a URL that can't be decoded. Fastify runs no hook for it, so this is always JSON. */
export const answerBadUrl: NonNullable<FastifyServerOptions['frameworkErrors']> = (error, _request, reply) => {
  (reply as FastifyReply).code(error.statusCode ?? 400).send({ detail: error.message });
};

function toAnswer(error: FastifyError | RequestError): Answer {
  if (error instanceof RequestError) {
    return { status: error.statusCode, message: error.message, fields: error.fields };
  }
  if (isBusy(error)) return { status: 503, message: 'The database is busy; try again in a moment.' };
  const status = error.statusCode ?? 500;
  return status < 500 ? { status, message: error.message } : { status: 500, message: 'Internal server error.' };
}

async function send(request: FastifyRequest, reply: FastifyReply, answer: Answer): Promise<FastifyReply> {
  const { status, message, fields } = answer;
  reply.code(status);
  if (status === 503) reply.header('retry-after', '1');
  if (status === 401) reply.header('www-authenticate', 'Token realm="inventory"');
  if (/^\/api(?![^/?])/.test(request.url)) return reply.send(fields ?? { detail: message });
  return reply
    .type('text/html; charset=utf-8')
    .send(await reply.viewAsync('error', { title: `${status}`, status, message, fields }));
}

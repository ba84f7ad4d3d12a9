import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Row } from '../database/database.ts';
import { invalid, RequestError } from './errors.ts';
import { parseListQuery, type QueryString } from './list-query.ts';
import { columnOf, displayOf, toId, type Resource } from './model.ts';
import { displayColumn, type Repository } from './repository.ts';

const defaultLimit = 50;

interface ObjectRoute {
  Params: { id: string };
}

/**
 * Defines one resource's REST routes under `/api`. Writes ask `authorise` first, which throws to
 * refuse.
 */
export function registerApi(
  app: FastifyInstance,
  repository: Repository,
  authorise: (request: FastifyRequest) => void,
): void {
  const { resource } = repository;
  const listPath = `/api${resource.path}`;
  const objectPath = `${listPath}/:id`;
  const onRequest = async (request: FastifyRequest): Promise<void> => authorise(request);

  app.get<{ Querystring: QueryString }>(listPath, async (request) => {
    const query = parseListQuery(resource.model, request.query, defaultLimit);
    const { count, rows } = await repository.list(query);
    const { limit, offset } = query;
    return {
      count,
      next: offset + limit < count ? pageUrl(request, limit, offset + limit) : null,
      previous: offset > 0 ? pageUrl(request, limit, Math.max(0, offset - limit)) : null,
      results: rows.map((row) => toJson(resource, row, originOf(request))),
    };
  });

  app.post(listPath, { onRequest }, async (request, reply) => {
    const row = await repository.create(bodyOf(request));
    const created = toJson(resource, row, originOf(request));
    return reply.code(201).header('location', created['url']).send(created);
  });

  app.get<ObjectRoute>(objectPath, async (request) =>
    toJson(resource, await repository.get(toId(request.params.id)), originOf(request)),
  );

  app.patch<ObjectRoute>(objectPath, { onRequest }, async (request) =>
    toJson(resource, await repository.update(toId(request.params.id), bodyOf(request)), originOf(request)),
  );

  app.delete<ObjectRoute>(objectPath, { onRequest }, async (request, reply) => {
    await repository.delete(toId(request.params.id));
    return reply.code(204).send();
  });

  refuseOthers(app, listPath, ['GET', 'HEAD', 'POST']);
  refuseOthers(app, objectPath, ['GET', 'HEAD', 'PATCH', 'DELETE']);
}

/** Answers 405 for other methods on a known path. */
function refuseOthers(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((name) => !allowed.includes(name));
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('allow', allowed.join(', '));
    throw new RequestError(405, `Method ${request.method} is not allowed here.`);
  };
  app.route({ method: others, url, handler });
}

function bodyOf(request: FastifyRequest): Record<string, unknown> {
  const { body } = request;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw invalid({ body: ['Must be a JSON object, with Content-Type: application/json.'] });
}

/**
 * Returns an object in the API's form: references as objects, then the fields in the model's order.
 */
function toJson(resource: Resource, row: Row, origin: string): Record<string, unknown> {
  const urlOf = ({ path }: Resource, id: unknown): string => `${origin}/api${path}/${String(id)}`;
  const fields = resource.model.fields.map((field) => {
    const value = row[columnOf(field)];
    const target = resource.references.get(field.name);
    if (!target || value === null) return [field.name, value];
    return [field.name, { id: value, url: urlOf(target, value), display: row[displayColumn(field.name)] }];
  });
  return {
    id: row['id'],
    url: urlOf(resource, row['id']),
    display: displayOf(resource.model, row),
    ...Object.fromEntries(fields),
    created: row['created'],
    updated: row['updated'],
  };
}

function originOf(request: FastifyRequest): string {
  return request.host ? `${request.protocol}://${request.host}` : '';
}

function pageUrl(request: FastifyRequest, limit: number, offset: number): string {
  const [path, query] = request.url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('limit', String(limit));
  parameters.set('offset', String(offset));
  return `${originOf(request)}${path}?${parameters.toString()}`;
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Row } from '../database/database.ts';
import { RequestError } from './errors.ts';
import { formFields } from './form.ts';
import { parseListQuery, type QueryString } from './list-query.ts';
import { listView } from './list-view.ts';
import { displayOf, toId, type FieldErrors, type Resource } from './model.ts';
import { cellOf } from './cell.ts';
import type { Repository } from './repository.ts';

const pageSize = 50;

interface ObjectRoute {
  Params: { id: string };
  Body: QueryString | undefined;
}

/** Common to the pages of all resources. */
export interface PageContext {
  /** The repository of each resource. */
  readonly repositories: ReadonlyMap<Resource, Repository>;
  /** Sends visitors without a session to the login page. */
  readonly requireLogin: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
}

/** Defines one resource's HTML pages: list, object, and the forms that add, edit and delete. */
export function registerPages(app: FastifyInstance, repository: Repository, context: PageContext): void {
  const { resource } = repository;
  const { model, path } = resource;
  const onRequest = context.requireLogin;

  app.get<{ Querystring: QueryString }>(path, async (request, reply) => {
    const query = parseListQuery(model, request.query, pageSize);
    const { count, rows } = await repository.list(query);
    return reply.viewAsync('list', listView(resource, request.url, query, count, rows));
  });

  app.get<ObjectRoute>(`${path}/:id`, async (request, reply) => {
    const row = await repository.get(toId(request.params.id));
    const fields = model.fields.map((field) => ({ label: field.label, cell: cellOf(resource, field, row) }));
    const related = await repository.referrers(Number(row['id']));
    const panel = await repository.panel(row);
    return reply.viewAsync('object', { title: displayOf(model, row), resource, row, fields, related, panel });
  });

  async function showForm(reply: FastifyReply, row: Row | undefined, input: QueryString, errors: FieldErrors) {
    const title = row ? `Edit ${displayOf(model, row)}` : `Add a ${model.label.toLowerCase()}`;
    const fields = await formFields(resource, context.repositories, row ?? {}, input, errors);
    return reply.viewAsync('form', {
      title,
      resource,
      row,
      fields,
      action: row ? `${path}/${row['id']}/edit` : `${path}/add`,
    });
  }

  /** Saves a form's input and redirects to the object, or shows the form again with the errors. */
  async function save(reply: FastifyReply, row: Row | undefined, input: QueryString) {
    try {
      const saved = await (row ? repository.update(Number(row['id']), input) : repository.create(input));
      return reply.redirect(`${path}/${saved['id']}`, 303);
    } catch (error) {
      if (!(error instanceof RequestError) || !error.fields) throw error;
      return showForm(reply.code(error.statusCode), row, input, error.fields);
    }
  }

  app.get<{ Querystring: QueryString }>(`${path}/add`, { onRequest }, async (request, reply) =>
    showForm(reply, undefined, request.query, {}),
  );
  app.post<ObjectRoute>(`${path}/add`, { onRequest }, async (request, reply) =>
    save(reply, undefined, request.body ?? {}),
  );
  app.get<ObjectRoute>(`${path}/:id/edit`, { onRequest }, async (request, reply) =>
    showForm(reply, await repository.get(toId(request.params.id)), {}, {}),
  );
  app.post<ObjectRoute>(`${path}/:id/edit`, { onRequest }, async (request, reply) =>
    save(reply, await repository.get(toId(request.params.id)), request.body ?? {}),
  );

  app.get<ObjectRoute>(`${path}/:id/delete`, { onRequest }, async (request, reply) => {
    const row = await repository.get(toId(request.params.id));
    return reply.viewAsync('delete', { title: `Delete ${displayOf(model, row)}`, resource, row, problem: undefined });
  });
  app.post<ObjectRoute>(`${path}/:id/delete`, { onRequest }, async (request, reply) => {
    const row = await repository.get(toId(request.params.id));
    try {
      await repository.delete(Number(row['id']));
      return reply.redirect(path, 303);
    } catch (error) {
      if (!(error instanceof RequestError) || error.statusCode !== 409) throw error;
      const title = `Delete ${displayOf(model, row)}`;
      return reply.code(409).viewAsync('delete', { title, resource, row, problem: error.message });
    }
  });
}

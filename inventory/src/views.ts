import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import view from '@fastify/view';
import { Eta } from 'eta';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Sessions } from './auth/session.ts';
import { metricsPage } from './metrics.ts';
import { permissionsOf } from './auth/users.ts';
import { RequestError } from './resource/errors.ts';
import type { Resource } from './resource/model.ts';

const viewsFolder = fileURLToPath(new URL('../views', import.meta.url));
const assets = { 'style.css': 'text/css; charset=utf-8', 'logo.svg': 'image/svg+xml' } as const;

/**
 * Everything comes from here, and nothing in a page is a script: what an object's text holds can do
 * no harm.
 */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of who is logged in. */
    readonly user: string | undefined;
  }
  interface FastifyReply {
    /** What @fastify/view hands to every template, besides a page's own data. */
    locals: object;
  }
}

/**
 * Sets up templates, which escape whatever they print, the style sheet, and what every page shows.
 */
export async function registerViews(
  app: FastifyInstance,
  sessions: Sessions,
  resources: readonly Resource[],
): Promise<void> {
  await app.register(view, {
    engine: { eta: new Eta({ views: viewsFolder, cache: true }) },
    templates: viewsFolder,
    viewExt: 'eta',
  });
  const version = registerAssets(app);
  const metrics = metricsPage('', process.env);
  const apps = [...new Set(resources.map((resource) => resource.app))];
  const sections = apps.map(({ label }) => ({
    label,
    resources: resources.filter((each) => each.app.label === label),
  }));

  app.decorateRequest('user', {
    getter(this: FastifyRequest) {
      return sessions.userOf(this.headers.cookie);
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    // Read only when a template is rendered, so that the API does not pay for it.
    const common = { sections, version, metrics, path: request.url.split('?', 1)[0], pid: process.pid };
    Object.defineProperty(common, 'user', { enumerable: true, get: () => request.user });
    reply.locals = common;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (String(reply.getHeader('content-type')).startsWith('text/html')) reply.headers(pageHeaders);
  });
}

/**
 * Serves the few files under `static/` from memory; returns a version for their addresses that
 * changes with them.
 */
function registerAssets(app: FastifyInstance): string {
  const hash = createHash('sha256');
  for (const [name, contentType] of Object.entries(assets)) {
    const content = readFileSync(new URL(`../static/${name}`, import.meta.url));
    hash.update(content);
    app.get(`/static/${name}`, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=31536000, immutable').type(contentType).send(content),
    );
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * Sends people who are not logged in to the login page, and refuses those who may not write and
 * forms that another site has sent.
 */
export async function requireLogin(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const from = request.headers['sec-fetch-site'];
  if (request.method === 'POST' && from !== undefined && from !== 'same-origin' && from !== 'none') {
    throw new RequestError(403, 'This form was sent from another site.');
  }
  if (permissionsOf(request.user).write) return undefined;
  if (request.user !== undefined) throw new RequestError(403, `The user ${request.user} may not change anything.`);
  return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
}

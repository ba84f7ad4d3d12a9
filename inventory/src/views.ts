import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import view from '@fastify/view';
import { Eta } from 'eta';
import type { FastifyInstance } from 'fastify';
import { metricsPage } from './metrics.ts';
import type { Resource } from './resource/model.ts';

const viewsFolder = fileURLToPath(new URL('../views', import.meta.url));
const assets = { 'style.css': 'text/css; charset=utf-8', 'logo.svg': 'image/svg+xml' } as const;

/**
 * A page loads files from this site only and runs no script, so the text of an object can do no
 * harm.
 */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

declare module 'fastify' {
  interface FastifyReply {
    /** Given to every template by @fastify/view, beside the page's own data. */
    locals: object;
  }
}

/** Sets up the templates, which escape what they print, the style sheet, and the common data. */
export async function registerViews(app: FastifyInstance, resources: readonly Resource[]): Promise<void> {
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

  app.addHook('onRequest', async (request, reply) => {
    const { session } = request;
    const path = request.url.split('?', 1)[0];
    reply.locals = {
      sections,
      version,
      metrics,
      path,
      pid: process.pid,
      user: session?.user,
      csrfToken: () => session?.csrfToken() ?? '',
    };
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

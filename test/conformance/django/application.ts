import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import view from '@fastify/view';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { nameViews, setMigrations } from '../../../src/django.ts';
import { promenade } from '../../../src/adapters/http/fastify/fastify.ts';
import type { Registry } from '../../../src/core/registry.ts';
import type { Backends } from './backends.ts';

// It has no types.
const ejs: unknown = createRequire(import.meta.url)('ejs');

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;
type Handlers = Readonly<Record<string, Handler>>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;
const TEXT = 'text/plain; charset=utf-8';
const HTML = 'text/html; charset=utf-8';

// The exceptions of the Django project, under the names that they have there.
class ValueError extends Error {}
class KeyError extends Error {}
class Http404 extends Error {
  readonly statusCode = 404;
}
class PermissionDenied extends Error {
  readonly statusCode = 403;
}
class SuspiciousOperation extends Error {
  readonly statusCode = 400;
}

const TEXTS: Readonly<Record<number, string>> = { 400: 'bad request', 403: 'forbidden', 404: 'not found' };

/** The views of `project/`, on Fastify. */
export async function startApplication(registry: Registry, backends: Backends): Promise<FastifyInstance> {
  const { sites, cache, database } = backends;
  const app = Fastify();
  await app.register(promenade({ registry, enabled: true, compat: 'django' }));
  backends.instrument(registry);
  nameViews(NAMES, { registry });
  await app.register(view, { engine: { ejs }, root: new URL('templates', import.meta.url).pathname });
  app.addHttpMethod('PROPFIND');
  // Forms, and uploads without a type.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  // The middlewares.
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/private/')) return redirect(reply, 302, '/');
    if (request.url === '/sites') return redirect(reply, 301, '/sites/');
    return undefined;
  });
  app.setNotFoundHandler((request, reply) =>
    request.url === '/legacy/' ? redirect(reply, 301, '/sites/') : text(reply, 'not found', 404),
  );
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return text(reply, TEXTS[status] ?? 'server error', status);
  });

  async function find(request: FastifyRequest): Promise<{ id: number; name: string }> {
    const site = await sites.find(Number((request.params as { id: string }).id));
    if (site === undefined) throw new Http404();
    return site;
  }

  /**
   * One URL's view: Django's `View`, which answers OPTIONS and refuses what it has no handler for.
   */
  function addView(url: string, handlers: Handlers): void {
    const known: Handlers = {
      ...(handlers['GET'] && { HEAD: handlers['GET'] }),
      OPTIONS: (_request, reply) => reply.type(HTML).send(''),
      ...handlers,
    };
    const refuse: Handler = (_request, reply) => reply.code(405).type(HTML).send('');
    app.route({
      method: [...METHODS],
      url,
      handler: (request, reply) => (known[request.method] ?? refuse)(request, reply),
    });
  }

  /** A function as a view: it takes any method. */
  function addFunction(url: string, handler: Handler): void {
    app.route({ method: [...METHODS], url, handler });
  }

  addView('/', { GET: (_request, reply) => reply.type(HTML).view('home.html') });
  addView('/sites/', {
    GET: async (_request, reply) => {
      await sites.list();
      return reply.type(HTML).view('dcim/site_list.html');
    },
    POST: async (request, reply) => {
      const name = new URLSearchParams(request.body as string).get('name');
      if (!name) return reply.type(HTML).view('dcim/site_form.html');
      const { id } = await sites.create(name);
      return redirect(reply, 302, `/sites/${id}/`);
    },
  });
  addFunction('/sites/:id/', async (request, reply) => {
    const key = `site:${(request.params as { id: string }).id}`;
    let name = await cache.get(key);
    if (name === undefined) {
      name = (await find(request)).name;
      await cache.set(key, name);
    }
    return text(reply, name);
  });

  addView('/api/sites/', {
    GET: async (_request, reply) => json(reply, await sites.list()),
    POST: async (request, reply) => json(reply, await sites.create((request.body as { name: string }).name), 201),
  });
  const put: Handler = async (request, reply) => {
    const { id } = await find(request);
    const { name } = request.body as { name: string };
    await sites.rename(id, name);
    await cache.delete(`site:${id}`);
    return json(reply, { id, name });
  };
  addView('/api/sites/:id/', {
    GET: async (request, reply) => json(reply, await find(request)),
    PUT: put,
    PATCH: put,
    DELETE: async (request, reply) => {
      const { id } = await find(request);
      await sites.remove(id);
      await cache.delete(`site:${id}`);
      return reply.code(204).type(HTML).send();
    },
  });
  addView('/api/sites/bulk/', {
    POST: async (request, reply) => {
      await sites.createMany(request.body as string[]);
      return reply.code(204).type(HTML).send();
    },
    PATCH: async (_request, reply) => {
      await sites.markBulk();
      return reply.code(204).type(HTML).send();
    },
    DELETE: async (_request, reply) => {
      await sites.removeBulk();
      return reply.code(204).type(HTML).send();
    },
  });

  addFunction('/old/', (_request, reply) => redirect(reply, 301, '/sites/'));
  addFunction('/unnamed/', (_request, reply) => text(reply, 'unnamed'));
  addFunction('/errors/:kind/', (request, reply) => {
    const { kind } = request.params as { kind: string };
    const Thrown = {
      value: ValueError,
      key: KeyError,
      missing: Http404,
      denied: PermissionDenied,
      suspicious: SuspiciousOperation,
    }[kind];
    if (Thrown !== undefined) throw new Thrown();
    return text(reply, 'no error');
  });
  addFunction('/status/:code/', (request, reply) => {
    const code = Number((request.params as { code: string }).code);
    return text(reply, code === 204 || code === 304 ? '' : `status ${code}`, code);
  });
  addFunction('/stream/', (_request, reply) =>
    reply.type(TEXT).send(Readable.from(['line 0\n', 'line 1\n', 'line 2\n'])),
  );
  for (const [url, size] of [
    ['/file/', 1000],
    ['/download/', 300_000],
  ] as const) {
    addFunction(url, (_request, reply) => {
      const body = Buffer.alloc(size, 'x');
      const pieces = Array.from({ length: Math.ceil(size / 65_536) }, (_, i) =>
        body.subarray(i * 65_536, (i + 1) * 65_536),
      );
      return reply.header('content-length', size).type('application/octet-stream').send(Readable.from(pieces));
    });
  }
  addFunction('/latin/', (_request, reply) =>
    reply.type('text/plain; charset=iso-8859-1').send(Buffer.from('\xe4\xf6\xfc', 'latin1')),
  );
  addFunction('/upload/', (request, reply) => text(reply, String(((request.body as string | undefined) ?? '').length)));

  addFunction('/database/:kind/', async (request, reply) => {
    const { kind } = request.params as { kind: string };
    if (kind === 'migrations') {
      setMigrations({ ...(await database.migrations()), registry });
    } else if (kind === 'reconnect') {
      await database.reconnect();
    } else if (kind === 'transaction') {
      await database.transaction();
    } else if (kind === 'unique') {
      await sites.create((await sites.first()).name);
    } else if (kind === 'syntax') {
      await database.run('selekt 1');
    } else {
      try {
        if (kind === 'caught') await database.run('select 1 / 0');
        else if (kind === 'replica') await database.runOnReplica('select 1');
      } catch {
        return text(reply, 'no database', 503);
      }
    }
    return text(reply, 'done');
  });
  addFunction('/cache/:kind/', async (request, reply) => {
    const { kind } = request.params as { kind: string };
    if (kind === 'set') await cache.set('falsy', '');
    else if (kind === 'falsy') return text(reply, (await cache.get('falsy')) === undefined ? 'not found' : 'found');
    else if (kind === 'many') await cache.getMany(['falsy', 'no-such-key']);
    else if (kind === 'missing') await cache.get('no-such-key');
    else if (kind === 'nowhere') {
      try {
        await cache.getFromNowhere('key');
      } catch {
        return text(reply, 'no cache', 503);
      }
    }
    return text(reply, 'done');
  });
  return app;
}

/** The names of `project/urls.py`; `/unnamed/` has none. */
const NAMES: Readonly<Record<string, string>> = {
  '/': 'home',
  '/sites/': 'dcim:site_list',
  '/sites/:id/': 'dcim:site',
  '/api/sites/': 'dcim-api:site-list',
  '/api/sites/bulk/': 'dcim-api:site-bulk',
  '/api/sites/:id/': 'dcim-api:site-detail',
  '/old/': 'old',
  '/errors/:kind/': 'errors',
  '/status/:code/': 'status',
  '/stream/': 'stream',
  '/file/': 'file',
  '/download/': 'download',
  '/latin/': 'latin',
  '/upload/': 'upload',
  '/database/:kind/': 'database',
  '/cache/:kind/': 'cache',
};

function text(reply: FastifyReply, body: string, status: number = 200): FastifyReply {
  return reply.code(status).type(TEXT).send(body);
}

function json(reply: FastifyReply, body: unknown, status: number = 200): FastifyReply {
  // Python's separators, so that bodies are as long.
  const spaced = JSON.stringify(body)
    .replaceAll('","', '", "')
    .replaceAll('":', '": ')
    .replaceAll('},{', '}, {')
    .replaceAll(',"', ', "');
  return reply.code(status).type('application/json').send(spaced);
}

function redirect(reply: FastifyReply, status: number, url: string): FastifyReply {
  return reply.code(status).header('location', url).type(HTML).send('');
}

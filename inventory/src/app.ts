import formbody from '@fastify/formbody';
import Fastify, { type FastifyInstance } from 'fastify';
import { registerApps } from './app-metrics.ts';
import { registerSlowPage } from './apps/extras/slow-page.ts';
import { registerJobApi } from './jobs/api.ts';
import { registerJobPages } from './jobs/pages.ts';
import { refuseForeignForms, requireLogin } from './auth/guard.ts';
import { registerLoginPages } from './auth/login-pages.ts';
import { registerSessions, Sessions } from './auth/session.ts';
import { createTokenCheck, sameSecret } from './auth/token.ts';
import { answerBadUrl, registerErrorAnswers } from './error-answers.ts';
import { registerHomePage } from './home-page.ts';
import { registerMetrics } from './metrics.ts';
import { startPlugins } from './plugins/plugins.ts';
import { registerApi } from './resource/api.ts';
import { registerPages } from './resource/pages.ts';
import type { Services } from './services.ts';
import type { Settings } from './settings.ts';
import { registerStatus } from './status.ts';
import { registerViews } from './views.ts';

/** Largest body, in bytes; no object comes near it. Larger ones get 413. */
const bodyLimit = 256 * 1_024;

/** Builds the web application of one web process. It does not listen yet. */
export async function createApp(settings: Settings, services: Services): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit,
    frameworkErrors: answerBadUrl,
    forceCloseConnections: 'idle',
    logger: { level: 'warn' },
    // Only a proxy on this machine may say that a request came by TLS.
    trustProxy: 'loopback',
    routerOptions: { ignoreTrailingSlash: true },
  });
  const sessions = new Sessions(settings.secret);
  const { resources } = services;
  registerSessions(app, sessions);
  await registerMetrics(app, (token) => sameSecret(token, settings.token));
  registerApps(services);
  startPlugins(services);
  await registerViews(app, resources);
  registerErrorAnswers(app);

  const repositories = new Map(services.repositories.map((repository) => [repository.resource, repository]));

  await app.register(async (api) => {
    acceptJsonOnly(api);
    const authorise = createTokenCheck(settings.token);
    for (const repository of repositories.values()) registerApi(api, repository, authorise);
    registerJobApi(api, services.jobs, authorise);
    registerStatus(api, resources);
  });
  await app.register(async (pages) => {
    pages.removeAllContentTypeParsers();
    await pages.register(formbody);
    pages.addHook('preHandler', refuseForeignForms);
    for (const repository of repositories.values()) registerPages(pages, repository, { repositories, requireLogin });
    registerHomePage(pages, [...repositories.values()]);
    registerLoginPages(pages, sessions, { admin: settings.password, guest: settings.guestPassword });
    registerSlowPage(pages);
    registerJobPages(pages, services.jobs, requireLogin);
  });
  return app;
}

/**
 * Accepts JSON bodies only, and empty ones: some clients send the content type with a DELETE too.
 */
function acceptJsonOnly(api: FastifyInstance): void {
  const parse = api.getDefaultJsonParser('error', 'error');
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body as string, done);
  });
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Registry } from '../core/registry.ts';
import { observeSelf } from '../core/self-metrics.ts';
import { serve as servePage, soleAuthorization } from '../endpoint/node-handler.ts';
import { isAt, requestTarget } from '../endpoint/request-target.ts';
import { Scraper } from '../endpoint/scraper.ts';
import { resolveSettings, type Settings } from '../endpoint/settings.ts';
import { ReadOnlyStore } from '../store/read-only-store.ts';
import { BasicUsers } from './basic-users.ts';
import type { Arguments, Run, Surroundings } from './command.ts';
import { landingPage } from './landing-page.ts';
import { metricsDirectory } from './metrics-directory.ts';
import { nameValues } from './name-values.ts';
import { type AnyHandler, PageServer } from './page-server.ts';
import { RateLimit } from './rate-limit.ts';
import type { LoadedWebConfig, WebConfigFile } from './web-config-file.ts';

const DEFAULT_PORT = 9464;

/** Whether whoever asks has said a name and a password that are right. */
interface Asker {
  readonly known: boolean;
}

/** `promenade serve`: shows a directory until it is told to end. */
export const serve: Run = async (given, surroundings) => {
  const path = metricsDirectory(given, surroundings);
  const { settings, port } = settingsOf(given, path, surroundings.env);
  const registry = new Registry({ openStore: () => new ReadOnlyStore(path) });
  observeSelf(registry, settings.namespace === '' ? '' : `${settings.namespace}_`);
  registry.setDefaultLabels(nameValues(given.lists['label'], '--label'));

  const file = given.values['web.config.file'];
  const webConfig =
    file === undefined ? undefined : await openWebConfig(file, surroundings, (now) => server.renew(now));
  const hasUsers = webConfig !== undefined && webConfig.loaded.config.users.size > 0;
  const session = hasUsers ? { session: ({ known }: Asker) => known } : {};
  const scraper = new Scraper<Asker>({ registry, settings: { ...settings, port: undefined }, ...session });
  const server = new PageServer(answerer(settings, scraper, path, webConfig), webConfig);

  const address = await server.listen(settings.host, port);
  surroundings.print(`Serving ${address}${settings.path}: what processes count in ${path}.\n`);
  await toldToEnd(server);
  registry.close();
  return 0;
};

/** What the file asks for is loaded where there is one. */
async function openWebConfig(
  path: string,
  { complain }: Surroundings,
  changed: (loaded: LoadedWebConfig) => void,
): Promise<WebConfigFile> {
  return new (await import('./web-config-file.ts')).WebConfigFile(path, complain, changed);
}

function settingsOf(
  { values }: Arguments,
  directory: string,
  env: NodeJS.ProcessEnv,
): { settings: Settings; port: number } {
  const { host, path, port = env['METRICS_PORT']?.trim() || String(DEFAULT_PORT) } = values;
  // 0 is no port of an application, but what somebody wants who reads the first line of the output.
  const any = port === '0';
  const settings = resolveSettings(
    { enabled: true, multiprocDir: directory, host, path, port: (any ? DEFAULT_PORT : port) as number },
    env,
  );
  return { settings, port: any ? 0 : settings.port! };
}

/** Who may come in, and what is where. */
function answerer(
  settings: Settings,
  scraper: Scraper<Asker>,
  directory: string,
  webConfig: WebConfigFile | undefined,
): AnyHandler {
  const users = new BasicUsers();
  const limit = new RateLimit();
  const landing = landingPage(directory, settings.path);

  const answer = async (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> => {
    const config = webConfig?.current().config;
    for (const [name, value] of Object.entries(config?.headers ?? {})) response.setHeader(name, value);
    const url = request.url ?? '';
    const say = (status: number, text: string, type = 'text/plain', more: Record<string, string> = {}): void => {
      const headers = { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store', ...more };
      (response as ServerResponse).writeHead(status, headers).end(request.method === 'HEAD' ? undefined : text);
    };
    if (config?.rateLimit && !limit.admits(config.rateLimit)) return say(429, 'Too many requests.\n');
    const loggedIn =
      config !== undefined && config.users.size > 0 && (await users.admits(config.users, soleAuthorization(request)));
    const open = loggedIn || config === undefined || config.users.size === 0;
    const page = isAt(url, settings.path);
    if (!open && !(page && settings.authentication)) {
      return say(401, 'A user name and a password are needed.\n', 'text/plain', {
        'WWW-Authenticate': 'Basic realm="metrics", charset="UTF-8"',
      });
    }
    if (page) return answerPage(scraper, request, response, { known: loggedIn });
    const { path } = requestTarget(url);
    if (path === '/-/healthy') return say(200, 'Healthy.\n');
    if (path === '/') return say(200, landing, 'text/html');
    say(404, `Metrics are at ${settings.path}.\n`);
  };
  return (request, response) => void answer(request, response).catch(() => request.destroy());
}

/** The page over HTTP/2 goes to the stream itself: the response that stands in for HTTP/1.1's does not tell when its reader has gone. */
async function answerPage(
  scraper: Scraper<Asker>,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  asker: Asker,
): Promise<void> {
  if (!('stream' in response)) return servePage(scraper, request as IncomingMessage, response, asker);
  const { status, headers, body } = await scraper.answer({
    method: request.method ?? '',
    url: request.url ?? '',
    header: (name) => request.headers[name]?.toString(),
    authorization: soleAuthorization(request),
    subject: asker,
  });
  const { stream } = response;
  if (!stream.destroyed) response.writeHead(status, { ...headers });
  if (typeof body === 'function') await body(stream);
  else response.end(request.method === 'HEAD' ? '' : body);
}

/** Until SIGTERM or SIGINT; a second one does not wait for scrapes under way. */
function toldToEnd(server: PageServer): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => void server.close().then(resolve);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  });
}

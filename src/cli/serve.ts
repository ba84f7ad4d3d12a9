import { resolveSettings, type Environment, type Settings } from '../settings/settings.ts';
import type { Arguments, Run, Surroundings } from './command.ts';
import { openDirectoryPage } from './directory-page.ts';
import { metricsDirectory } from './metrics-directory.ts';
import { nameValues } from './name-values.ts';
import { PageServer } from './page-server.ts';
import { Reception } from './reception.ts';
import type { LoadedWebConfig, WebConfigFile } from './web-config-file.ts';

const DEFAULT_PORT = 9464;

/** `promenade serve`: serves a directory until SIGTERM or SIGINT. */
export const serve: Run = async (given, surroundings) => {
  const directory = metricsDirectory(given, surroundings);
  const { settings, port } = settingsOf(given, directory, surroundings.env);
  const file = given.values['web.config.file'];
  const webConfig =
    file === undefined ? undefined : await openWebConfig(file, surroundings, (now) => server.renew(now));
  const reception = new Reception(directory, settings, webConfig);
  const endpoint = openDirectoryPage(directory, settings, {
    labels: nameValues(given.lists['label'], '--label'),
    session: webConfig && webConfig.loaded.config.users.size > 0 ? (request) => reception.knows(request) : undefined,
  });
  const server = new PageServer((request, response) => reception.receive(request, response, endpoint), webConfig);

  const address = await server.listen(settings.host, port);
  surroundings.print(`Serving ${address}${settings.path}: what processes count in ${directory}.\n`);
  await toldToEnd(server);
  await endpoint.close();
  endpoint.registry.close();
  return 0;
};

/** Loads the parser of the file only if there is a file. */
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
  env: Environment,
): { readonly settings: Settings; readonly port: number } {
  const { host, path, port } = values;
  // Settings refuse port 0. Here it is useful: the first line of output has the port.
  const any = port === '0';
  const settings = resolveSettings(
    { enabled: true, multiprocDir: directory, host, path, port: any ? DEFAULT_PORT : (port as number | undefined) },
    env,
    { port: DEFAULT_PORT },
  );
  return { settings, port: any ? 0 : settings.port! };
}

/** Waits for SIGTERM or SIGINT. A second signal does not wait for open scrapes. */
function toldToEnd(server: PageServer): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => void server.close().then(resolve);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  });
}

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { nameOf, openDatabase } from './database/database.ts';
import { migrate } from './database/migrate.ts';
import { startDemo } from './demo.ts';
import { listenError } from './listen-error.ts';
import { metricsEnvironment, metricsPage } from './metrics.ts';
import { originOf, readSettings, toEnvironment, type Settings } from './settings.ts';
import { supervise } from './supervisor.ts';

const help = `inventory: a small network source of truth, with Promenade's metrics

  npm start                 start it
  npm start -- --demo       and load it with steady traffic, so that there is something to see
  npm start -- --help       this text

Environment:
  HOST                      address to listen on (127.0.0.1)
  PORT                      port to listen on, 0 for any free one (8080)
  WEB_PROCESSES             how many processes answer requests (2)
  INVENTORY_TOKEN           token for writes through the API (a random one, printed at start)
  INVENTORY_PASSWORD        password of the user admin (a random one, printed at start)
  INVENTORY_SECRET          key that signs session cookies (a random one; set it to keep sessions over restarts)
  DATABASE_URL              file:<path> (SQLite), postgres://... or mysql://... (a file in inventory/.data)
  METRICS_ENABLED           metrics at METRICS_PATH (true)
  METRICS_*                 all other settings of Promenade
  PROMETHEUS_MULTIPROC_DIR  directory that the processes share their metrics in (a temporary one)
`;

/** Reads the options, prepares the database, and runs the web processes until a signal stops them. */
export async function runPrimary(argv: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { values } = parseArgs({ args: argv, options: { demo: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const settings = await withPort(readSettings(env));
  await prepareDatabase(settings);
  let stopDemo = (): void => undefined;
  supervise(
    settings.webProcesses,
    { ...toEnvironment(settings), ...metricsEnvironment(env) },
    {
      ready(port) {
        const origin = originOf(settings.host, port);
        console.log(welcome(origin, settings, env));
        if (values.demo) stopDemo = startDemo(origin, settings.token);
      },
      stopping: () => stopDemo(),
    },
  );
}

/** Any free port becomes a certain one, so that web processes that replace others listen where those did. */
async function withPort(settings: Settings): Promise<Settings> {
  if (settings.port !== 0) return settings;
  const server = createServer().listen(0, settings.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(settings.host, settings.port, error);
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { ...settings, port };
}

async function prepareDatabase(settings: Settings): Promise<void> {
  const db = await openDatabase(settings.database);
  try {
    const done = await migrate(db);
    if (done.length > 0) console.log(`Prepared the database: ${done.join(', ')}`);
  } finally {
    await db.close();
  }
}

function welcome(origin: string, settings: Settings, env: NodeJS.ProcessEnv): string {
  return `
inventory is ready, with ${settings.webProcesses} web processes

  Pages      ${origin}/
  API        ${origin}/api/dcim/sites
  Metrics    ${metricsPage(origin, env) ?? 'off, because of METRICS_ENABLED'}
  Log in     admin, password ${settings.password}
  Token      ${settings.token}
  Database   ${nameOf(settings.database)}

  curl -H 'Authorization: Token ${settings.token}' -H 'Content-Type: application/json' \\
    -d '{"name": "Reykjavik"}' ${origin}/api/dcim/sites
`;
}

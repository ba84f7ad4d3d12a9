import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { relayBetweenProcesses } from './cache/relay.ts';
import { nameOf, openDatabase } from './database/database.ts';
import { migrate } from './database/migrate.ts';
import { startDemo } from './demo.ts';
import { listenError } from './listen-error.ts';
import { metricsPage } from './metrics.ts';
import { originOf, readSettings, toEnvironment, type Settings } from './settings.ts';
import { supervise } from './supervisor.ts';

const help = `inventory: a small network source of truth, with Promenade's metrics

  npm start                 start it
  npm start -- --demo       and load it with steady traffic, so that there is something to see
  npm start -- worker       only run jobs, in this process; REDIS_URL says where they wait
  npm start -- run <job>    run one job in a process of its own, and print its result: import-devices <file>,
                            ping-sweep <file>, report
  npm start -- --help       this text

Environment:
  HOST                      address to listen on (127.0.0.1)
  PORT                      port to listen on, 0 for any free one (8080)
  WEB_PROCESSES             how many processes answer requests (2)
  INVENTORY_TOKEN           token for writes through the API (a random one, printed at start)
  INVENTORY_PASSWORD        password of the user admin (a random one, printed at start)
  INVENTORY_GUEST_PASSWORD  password of the user guest, who may neither change anything nor read metrics (no such user)
  INVENTORY_SECRET          key that signs session cookies (a random one; set it to keep sessions over restarts)
  DATABASE_URL              file:<path> (SQLite), postgres://... or mysql://... (a file in inventory/.data)
  REDIS_URL                 redis://...: cache and jobs are there, and jobs run in processes of their own
                            (both in the web processes)
  JOB_WORKERS               how many processes run jobs, with REDIS_URL (1)
  METRICS_ENABLED           metrics at METRICS_PATH (true with npm start, else false)
  METRICS_*                 all other settings of Promenade
  PROMETHEUS_MULTIPROC_DIR  directory that the processes share their metrics in (a temporary one)
`;

/**
 * Reads the options, prepares the database, and runs the web processes until a signal stops them.
 */
export async function runPrimary(argv: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const options = { demo: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({
    args: argv,
    options,
    allowPositionals: ['run', 'worker'].includes(argv[0] ?? ''),
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (positionals[0] === 'run') {
    const { runJob } = await import('./run-job.ts');
    const settings = readSettings(env);
    await prepareDatabase(settings);
    return runJob(positionals[1], positionals[2], settings);
  }
  if (positionals[0] === 'worker') {
    const { runJobWorker } = await import('./job-worker.ts');
    const settings = readSettings(env);
    await prepareDatabase(settings);
    return runJobWorker(settings);
  }
  const settings = await withPort(readSettings(env));
  await prepareDatabase(settings);
  let stopDemo = (): void => undefined;
  relayBetweenProcesses();
  const environment = toEnvironment(settings);
  supervise(
    [
      {
        label: 'Web process',
        count: settings.webProcesses,
        environment: { ...environment, METRICS_ROLE: env['METRICS_ROLE'] || 'web' },
      },
      {
        label: 'Job worker',
        count: settings.jobWorkers,
        environment: { ...environment, INVENTORY_PROCESS: 'worker' },
      },
    ],
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

/**
 * Replaces port 0 by a free port, so that a replaced web process listens where its predecessor did.
 */
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
    // Not to standard output: `run` prints its result there.
    if (done.length > 0) console.error(`Prepared the database: ${done.join(', ')}`);
  } finally {
    await db.close();
  }
}

function welcome(origin: string, settings: Settings, env: NodeJS.ProcessEnv): string {
  return `
inventory is ready, with ${settings.webProcesses} web processes${workersOf(settings)}

  Pages      ${origin}/
  API        ${origin}/api/dcim/sites
  Metrics    ${metricsPage(origin, env) ?? 'off; METRICS_ENABLED=true turns them on'}
  Log in     admin, password ${settings.password}
  Token      ${settings.token}
  Database   ${nameOf(settings.database)}

  curl -H 'Authorization: Token ${settings.token}' -H 'Content-Type: application/json' \\
    -d '{"name": "Reykjavik"}' ${origin}/api/dcim/sites
`;
}

function workersOf({ jobWorkers }: Settings): string {
  if (jobWorkers === 0) return '';
  return jobWorkers === 1 ? ' and a job worker' : ` and ${jobWorkers} job workers`;
}

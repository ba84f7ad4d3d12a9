import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection as connectMariaDb } from 'mariadb';
import { Client } from 'pg';
import { lacksDebianPackages } from './debian.ts';
import { startMariaDb, startMemcached, startPostgres, startRedis, type Start } from './private-servers.ts';

/** A server that the tests use, and how to connect. */
export interface TestServer {
  /**
   * For `describe.skipIf`: there is none, nor can one be had. With `CI=true` it is never missing:
   * the tests run, and fail.
   */
  readonly missing: boolean;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A database of one's own on it. */
export interface TestDatabase extends TestServer {
  drop(): Promise<void>;
}

/** One on which databases can be made. */
export interface DatabaseServer extends TestServer {
  /**
   * Makes an empty database; drop it afterwards. Tests run side by side, so each file uses one of
   * its own.
   */
  createDatabase(): Promise<TestDatabase>;
}

interface Kind {
  readonly name: string;
  /** The environment's variable that says where it is. */
  readonly variable: string;
  /** Where it is when it is installed and nothing else is said. */
  readonly standard: string;
  readonly packages: readonly string[];
  /** Fails unless the server lets us in. */
  readonly check: (server: TestServer) => Promise<void>;
  /** Starts one of our own, from what is installed. */
  readonly start: Start;
}

const POSTGRES: Kind = {
  name: 'postgres',
  variable: 'POSTGRES_URL',
  standard: 'postgres://postgres@127.0.0.1:5432/postgres',
  packages: ['postgresql', 'postgresql-contrib'],
  check: (server) => runOnPostgres(server, 'select 1'),
  start: startPostgres,
};

const MARIADB: Kind = {
  name: 'mariadb',
  variable: 'MYSQL_URL',
  standard: 'mysql://root@127.0.0.1:3306/mysql',
  packages: ['mariadb-server'],
  check: (server) => runOnMariaDb(server, 'select 1'),
  start: startMariaDb,
};

const REDIS: Kind = {
  name: 'redis',
  variable: 'REDIS_URL',
  standard: 'redis://127.0.0.1:6379',
  packages: ['redis-server'],
  check: (server) => ask(server, 'PING\r\n', '+PONG'),
  start: startRedis,
};

const MEMCACHED: Kind = {
  name: 'memcached',
  variable: 'MEMCACHED_URL',
  standard: 'memcached://127.0.0.1:11211',
  packages: ['memcached'],
  check: (server) => ask(server, 'version\r\n', 'VERSION'),
  start: startMemcached,
};

/**
 * The server that the tests use: the one at `POSTGRES_URL`; else one at the standard port that lets
 * us in; else one of our own, started from what is installed, or from Debian's package, which root
 * installs. One of our own is shared by the files of a run, and ends with it.
 */
export async function postgres(): Promise<DatabaseServer> {
  const server = await find(POSTGRES);
  return { ...server, createDatabase: () => createDatabase(server, runOnPostgres, ' with (force)') };
}

/** As {@link postgres}, for MariaDB; `MYSQL_URL`. */
export async function mariadb(): Promise<DatabaseServer> {
  const server = await find(MARIADB);
  return { ...server, createDatabase: () => createDatabase(server, runOnMariaDb, '') };
}

/** As {@link postgres}, for Redis; `REDIS_URL`. */
export function redis(): Promise<TestServer> {
  return find(REDIS);
}

/** As {@link postgres}, for memcached; `MEMCACHED_URL`. */
export function memcached(): Promise<TestServer> {
  return find(MEMCACHED);
}

async function find(kind: Kind): Promise<TestServer> {
  const given = process.env[kind.variable];
  if (given) return serverAt(given);
  const standard = serverAt(kind.standard);
  if (await answers(kind, standard)) return standard;
  const own = await startOnce(kind);
  return own ?? { ...standard, missing: process.env['CI'] !== 'true' };
}

async function answers(kind: Kind, server: TestServer): Promise<boolean> {
  return kind.check(server).then(
    () => true,
    () => false,
  );
}

/**
 * Starts a server, or waits for the one that another file of this run starts; the directory's maker
 * is who starts it.
 */
async function startOnce(kind: Kind): Promise<TestServer | undefined> {
  const owner = Number(process.env['PROMENADE_TEST_RUN'] ?? process.pid);
  const folder = join(tmpdir(), `promenade-${kind.name}-${owner}`);
  const said = join(folder, 'url');
  try {
    mkdirSync(folder);
  } catch {
    return awaitOther(said);
  }
  let url = '';
  if (!lacksDebianPackages(kind.packages, () => kind.start.isInstalled())) {
    const started = serverAt(await kind.start.run(folder, owner));
    for (let i = 0; i < 300 && url === ''; i++) {
      if (await answers(kind, started)) url = started.url;
      else await sleep(100);
    }
  }
  writeFileSync(`${said}.new`, url);
  renameSync(`${said}.new`, said);
  return url === '' ? undefined : serverAt(url);
}

async function awaitOther(said: string): Promise<TestServer | undefined> {
  for (let i = 0; i < 500; i++) {
    try {
      const url = readFileSync(said, 'utf8');
      return url === '' ? undefined : serverAt(url);
    } catch {
      await sleep(100);
    }
  }
  return undefined;
}

function serverAt(url: string): TestServer {
  const { hostname, port, username, password, pathname, protocol } = new URL(url);
  const standard = { 'redis:': 6379, 'memcached:': 11211, 'mysql:': 3306, 'mariadb:': 3306 }[protocol] ?? 5432;
  return {
    missing: false,
    url,
    host: hostname,
    port: port === '' ? standard : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  };
}

async function createDatabase(
  server: TestServer,
  run: (server: TestServer, sql: string) => Promise<void>,
  force: string,
): Promise<TestDatabase> {
  const database = `promenade_${randomBytes(6).toString('hex')}`;
  await run(server, `create database ${database}`);
  const url = new URL(server.url);
  url.pathname = database;
  return { ...server, url: url.href, database, drop: () => run(server, `drop database if exists ${database}${force}`) };
}

async function runOnPostgres({ url }: TestServer, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function runOnMariaDb({ host, port, user, password, database }: TestServer, sql: string): Promise<void> {
  const connection = await connectMariaDb({ host, port, user, password, database, connectTimeout: 5000 });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** Says something to a server that speaks lines, and looks at how it answers. */
function ask({ host, port }: TestServer, said: string, expected: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = createConnection(port, host, () => socket.write(said));
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')));
    socket.once('data', (answer) => {
      socket.destroy();
      if (answer.toString().startsWith(expected)) resolve();
      else reject(new Error(`${said.trim()}: ${answer.toString()}`));
    });
    socket.once('error', reject);
  });
}

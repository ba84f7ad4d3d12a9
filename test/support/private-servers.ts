import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

/** How a server of our own is started. */
export interface Start {
  isInstalled(): boolean;
  /**
   * Starts it in a folder, which is removed when the server ends: at the latest when the process
   * `owner` has.
   *
   * @returns the URL where it is going to answer.
   */
  run(folder: string, owner: number): Promise<string>;
}

export const startPostgres: Start = {
  isInstalled: () => postgresBinaries() !== undefined,
  run: (folder, owner) => runPostgres(folder, owner),
};

/**
 * @param settings Lines of postgresql.conf: `{ shared_preload_libraries: 'pg_stat_statements' }`.
 */
export async function runPostgres(
  folder: string,
  owner: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<string> {
  const bin = postgresBinaries();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const data = join(folder, 'data');
  const port = await freePort();
  const user = unprivileged('postgres');
  mkdirSync(data);
  if (user) for (const path of [folder, data]) chownSync(path, user.uid, user.gid);
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(join(bin, 'initdb'), initdb, { stdio: 'pipe', cwd: folder, ...user });
  const all = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    ...settings,
  };
  const parameters = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  supervise(folder, owner, [join(bin, 'postgres'), '-D', data, ...parameters], user);
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

export const startMariaDb: Start = {
  isInstalled: () => isOnPath('mariadbd') && isOnPath('mariadb-install-db'),
  async run(folder, owner) {
    const data = join(folder, 'data');
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ['--user=root'] : [];
    const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', ...user];
    execFileSync('mariadb-install-db', [...install, '--skip-test-db'], { stdio: 'pipe' });
    supervise(folder, owner, [
      'mariadbd',
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'socket')}`,
      '--innodb-flush-log-at-trx-commit=0',
      ...user,
    ]);
    return `mysql://root@127.0.0.1:${port}/mysql`;
  },
};

export const startRedis: Start = {
  isInstalled: () => isOnPath('redis-server'),
  async run(folder, owner) {
    const port = await freePort();
    supervise(folder, owner, [
      'redis-server',
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      folder,
    ]);
    return `redis://127.0.0.1:${port}`;
  },
};

export const startMemcached: Start = {
  isInstalled: () => isOnPath('memcached'),
  async run(folder, owner) {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    supervise(folder, owner, ['memcached', '-p', String(port), '-l', '127.0.0.1', ...user]);
    return `memcached://127.0.0.1:${port}`;
  },
};

// Ends with its owner, whatever ends that one, and leaves nothing behind.
const SUPERVISOR = `
owner=$1 folder=$2; shift 2
"$@" & server=$!
while kill -0 $owner && kill -0 $server; do sleep 1; done 2>&-
kill $server; wait $server; rm -rf "$folder"
`;

function supervise(folder: string, owner: number, command: readonly string[], user?: User): void {
  const log = openSync(join(folder, 'log'), 'a');
  const parameters = ['-c', SUPERVISOR, 'sh', String(owner), folder, ...asUser(command, user)];
  spawn('sh', parameters, { stdio: ['ignore', log, log], detached: true, cwd: folder }).unref();
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The supervisor may look after its owner, and remove what is root's; the server itself need not be
 * root.
 */
function asUser(command: readonly string[], user: User | undefined): readonly string[] {
  if (!user) return command;
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', ...command];
}

/** Who runs what refuses to be run by root; nothing where we are not root. */
function unprivileged(name: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name])));
  return { uid: uid!, gid: gid! };
}

/** Debian keeps them off the PATH, by version. */
function postgresBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  let versions: string[] = [];
  try {
    versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  } catch {}
  const folders = [...versions.map((version) => join(root, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')];
  return folders.find((folder) => spawnSync(join(folder, 'initdb'), ['--version']).status === 0);
}

function isOnPath(command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', command]).status === 0;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

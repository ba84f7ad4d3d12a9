import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { lacksDebianPackages } from '../../support/debian.ts';
import { freePort } from '../../support/private-servers.ts';
import type { TestServer } from '../../support/servers.ts';

const PACKAGES = [
  'gunicorn',
  'python3-django',
  'python3-django-prometheus',
  'python3-django-redis',
  'python3-psycopg2',
];

// The packages are installed for the system's Python, which need not be the first on the PATH.
const PYTHON = '/usr/bin/python3';

const present = (): boolean =>
  spawnSync(PYTHON, ['-c', 'import django, django_prometheus, django_redis, gunicorn, psycopg2']).status === 0;

/** For `describe.skipIf`: whether the Django project has to be left out. */
export const noDjango: boolean = lacksDebianPackages(PACKAGES, present);

/** The Django project, under gunicorn with one worker. */
export interface Project {
  readonly origin: string;
  /** Where its page is, too, without being counted. */
  readonly metrics: string;
  /** Makes the tables in another database, too. */
  migrate(database: TestServer): void;
  stop(): Promise<void>;
}

/** Makes the tables in its database, and starts it. */
export async function startProject(database: TestServer, cacheUrl: string, cachePrefix: string): Promise<Project> {
  // Python would write its caches beside the sources.
  const folder = mkdtempSync(join(tmpdir(), 'django-project-'));
  for (const name of ['project', 'templates']) {
    symlinkSync(fileURLToPath(new URL(name, import.meta.url)), join(folder, name));
  }
  const environment = (of: TestServer): Record<string, string> => ({
    PATH: '/usr/bin:/bin',
    PYTHONDONTWRITEBYTECODE: '1',
    DJANGO_SETTINGS_MODULE: 'project.settings',
    DB_HOST: of.host,
    DB_PORT: String(of.port),
    DB_USER: of.user,
    DB_PASSWORD: of.password,
    DB_NAME: of.database,
    CACHE_URL: cacheUrl,
    CACHE_PREFIX: cachePrefix,
  });
  const migrate = (of: TestServer): void => {
    const run = spawnSync(PYTHON, ['-m', 'django', 'migrate'], { cwd: folder, env: environment(of), encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`django migrate: ${run.stderr}`);
  };
  migrate(database);
  const [port, metricsPort] = [await freePort(), await freePort()];
  const server = spawn(
    PYTHON,
    ['-m', 'gunicorn', '--workers', '1', '--bind', `127.0.0.1:${port}`, '--log-level', 'error', 'project.wsgi'],
    { cwd: folder, env: { ...environment(database), METRICS_PORT: String(metricsPort) }, stdio: 'ignore' },
  );
  const metrics = `http://127.0.0.1:${metricsPort}/`;
  while (!(await fetch(metrics).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) throw new Error('gunicorn has ended');
    await delay(100);
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    metrics,
    migrate,
    stop: async () => {
      if (server.kill()) await once(server, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

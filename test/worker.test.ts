import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scrape } from '../src/testing/scrape.ts';
import { findSeries, seriesValue } from '../src/testing/series.ts';
import { ended, environment, freePort, startServe } from './cli/promenade.ts';
import { fixture, kill, startFixture, temporaryDirectory } from './multiprocess/children.ts';

/** What the fixture says when it has done its work. */
interface Said {
  readonly enabled: boolean;
  readonly warnings: readonly string[];
}

/** Runs a command that counts so many jobs, and ends by itself. */
async function command(env: NodeJS.ProcessEnv, jobs = 3): Promise<Said> {
  const child = spawn(process.execPath, [fixture('worker.mjs'), 'command', String(jobs)], { env: environment(env) });
  const { code, stdout, stderr } = await ended(child);
  expect({ code, stderr: stderr.replaceAll(/^\(.*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Said;
}

test('a command that has gone stays counted, on a web process’s page and on serve’s', async () => {
  const directory = temporaryDirectory();
  const env = { METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
  const port = await freePort();
  const web = startFixture('worker.mjs', ['still', '1'], {
    env: environment({ ...env, METRICS_PORT: String(port), METRICS_ROLE: 'web' }),
  });
  await once(web, 'message');
  const serving = await startServe([directory]);
  const cron = { ...env, METRICS_ROLE: 'cron' };
  expect(await command(cron, 3)).toEqual({ enabled: true, warnings: [] });
  expect(await command(cron, 6)).toEqual({ enabled: true, warnings: [] });
  for (const url of [`http://127.0.0.1:${port}/metrics`, serving.url]) {
    const page = await scrape(url);
    expect(seriesValue(page, 'jobs_done_total', { name: 'job 0' })).toBe(1 + 1 + 2);
    expect(seriesValue(page, 'jobs_done_total', { name: 'job 2' })).toBe(1 + 2);
    expect(seriesValue(page, 'job_seconds_count', {})).toBe(10);
    // What they were busy with is over.
    expect(seriesValue(page, 'jobs_running', {})).toBe(2);
    expect(seriesValue(page, 'metrics_processes', { role: 'web' })).toBe(1);
    expect(findSeries(page, 'metrics_processes', { role: 'cron' })).toEqual([]);
    // The runtime of the commands, which nobody scraped while they lived.
    expect(seriesValue(page, 'process_cpu_seconds_total', {})!).toBeGreaterThan(0);
  }
});

test('does nothing where METRICS_ENABLED is not true', async () => {
  const directory = join(temporaryDirectory(), 'metrics');
  expect(await command({ METRICS_ENABLED: 'false', PROMETHEUS_MULTIPROC_DIR: directory })).toEqual({
    enabled: false,
    warnings: [],
  });
  expect(existsSync(directory)).toBe(false);
});

test('warns once where nobody will see the numbers', async () => {
  expect(await command({ METRICS_ENABLED: 'true' })).toEqual({ enabled: true, warnings: ['WARN_METRICS_NOT_SHARED'] });
  // Who may read the web processes' page is no concern of a process that has none.
  const env = {
    METRICS_ENABLED: 'true',
    METRICS_AUTHENTICATION: 'true',
    PROMETHEUS_MULTIPROC_DIR: temporaryDirectory(),
  };
  expect(await command(env)).toEqual({ enabled: true, warnings: [] });
});

test('listens on METRICS_PORT, and leaves it to others of its directory', async () => {
  const directory = temporaryDirectory();
  const port = String(await freePort());
  const env = environment({ METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory, METRICS_PORT: port });
  const first = startFixture('worker.mjs', ['still', '1'], { env });
  await once(first, 'message');
  const url = `http://127.0.0.1:${port}/metrics`;
  await expect.poll(async () => (await fetch(url).catch(() => undefined))?.status).toBe(200);
  expect(await command({ METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory, METRICS_PORT: port })).toEqual({
    enabled: true,
    warnings: [],
  });
  expect(seriesValue(await scrape(url), 'job_seconds_count', {})).toBe(4);
  await kill(first);
  // Alone, without a directory: the page is here, and nobody has to be told.
  expect(await command({ METRICS_ENABLED: 'true', METRICS_PORT: port })).toEqual({ enabled: true, warnings: [] });
});

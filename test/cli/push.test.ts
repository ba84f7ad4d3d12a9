import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { groupUrl } from '../../src/cli/group-url.ts';
import { scrape } from '../../src/testing/scrape.ts';
import { findSeries, seriesValue } from '../../src/testing/series.ts';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { lacksDebianPackages } from '../support/debian.ts';
import { ROOT } from '../support/modules.ts';
import { freePort, promenade } from './promenade.ts';

const noPushgateway = lacksDebianPackages(
  ['prometheus-pushgateway'],
  () => spawnSync('prometheus-pushgateway', ['--version']).status === 0,
);

/** A directory in which a command has counted that has gone. */
async function countedDirectory(count: number): Promise<string> {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  await recorder.define('Counter', { name: 'rows_total', labelNames: ['kind'] });
  await recorder.record('rows_total', { kind: 'a' }, 'inc', [count]);
  await recorder.define('Histogram', { name: 'row_seconds', buckets: [1], native: true });
  await recorder.record('row_seconds', undefined, 'observe', [0.5]);
  await recorder.kill();
  return directory;
}

/** Runs a command that measures itself as a job, and leaves its numbers in a directory. */
function jobDirectory(name: string): string {
  const directory = temporaryDirectory();
  const program = `
    import { instrumentJob } from 'promenade/job';
    import { promenade } from 'promenade/worker';
    const metrics = promenade();
    await instrumentJob(${JSON.stringify(name)}, async () => {}, { queue: 'nightly' })();
    await metrics.close();`;
  const env = { PATH: process.env['PATH'], METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  return directory;
}

describe.skipIf(noPushgateway)('a Pushgateway of Debian’s', () => {
  test('takes all families of real jobs in two groups, in either format', async () => {
    const port = await freePort();
    const gateway = `http://127.0.0.1:${port}`;
    const child = spawn('prometheus-pushgateway', [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    await expect
      .poll(
        () =>
          fetch(`${gateway}/-/ready`).then(
            ({ ok }) => ok,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    for (const [site, format] of [
      ['zrh', 'text'],
      ['gva', 'protobuf'],
    ]) {
      const options = [`--gateway=${gateway}`, '--job=batch', `--grouping=site=${site}`, `--format=${format}`];
      const { code, stderr } = await promenade(['push', ...options, jobDirectory(`import-${site}`)]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    const page = await scrape(`${gateway}/metrics`);
    for (const site of ['zrh', 'gva']) {
      const labels = { job: 'batch', instance: '', site, job_name: `import-${site}`, queue: 'nightly' };
      expect(findSeries(page, 'job_started_total', labels).map(({ value }) => value)).toEqual([1]);
    }
  });

  test('has what was pushed, by group, in either format, until it is deleted', async () => {
    const port = await freePort();
    const gateway = `http://127.0.0.1:${port}`;
    const child = spawn('prometheus-pushgateway', [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    for (let i = 0; i < 100 && !(await fetch(`${gateway}/-/ready`).catch(() => undefined))?.ok; i++) await delay(100);

    const directory = await countedDirectory(3);
    const push = async (...args: string[]): Promise<void> => {
      const { code, stdout, stderr } = await promenade([
        'push',
        `--gateway=${gateway}`,
        '--job=nightly/import',
        ...args,
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^(Pushed \d+ bytes to|Deleted) http:\/\/127\.0\.0\.1:\d+\/metrics\/job@base64\//);
    };
    const rows = async (labels: object): Promise<number | undefined> =>
      seriesValue(await scrape(`${gateway}/metrics`), 'rows_total', {
        kind: 'a',
        instance: '',
        job: 'nightly/import',
        ...labels,
      });

    await push(directory);
    expect(await rows({})).toBe(3);
    await push('--grouping=site=zürich', '--format=protobuf', await countedDirectory(4));
    expect(await rows({ site: 'zürich' })).toBe(4);
    expect(await rows({})).toBe(3);
    // post leaves families of other names, put does not.
    const other = temporaryDirectory();
    const recorder = await Recorder.start(other);
    await recorder.define('Counter', { name: 'others_total' });
    await push('--method=post', other);
    expect(await rows({})).toBe(3);
    await push('--method=put', other);
    expect(await rows({})).toBeUndefined();
    await push('--method=delete');
    expect(findSeries(await scrape(`${gateway}/metrics`), 'others_total')).toEqual([]);
    expect(await rows({ site: 'zürich' })).toBe(4);

    // The gateway itself refuses what is no group.
    const refused = await promenade(['push', `--gateway=${gateway}`, '--job=a', '--grouping=__odd=b', directory]);
    expect({ code: refused.code, tries: refused.stderr.split('\n').length }).toEqual({ code: 1, tries: 2 });
    expect(refused.stderr).toMatch(/it answers 400/);
  });
});

/** A gateway of our own that says what it is asked for, and answers as it is told. */
async function fakeGateway(
  answers: readonly number[],
): Promise<{ url: string; asked: { request: IncomingMessage; body: string }[] }> {
  const asked: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request.on('end', () => {
      asked.push({ request, body });
      const status = answers[asked.length - 1] ?? 200;
      // No answer at all.
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end(status === 200 ? '' : 'not so');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked };
}

test('tries again what may pass, and gives up on what does not', async () => {
  const directory = await countedDirectory(3);
  const passing = await fakeGateway([503, 0]);
  const { code, stderr } = await promenade(['push', `--gateway=${passing.url}/base/`, '--job=j', directory]);
  expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 0, lines: 2 });
  expect(stderr).toContain('it answers 503 not so. Trying again in 0.5 s.');
  expect(passing.asked.map(({ request }) => `${request.method} ${request.url}`)).toEqual(
    Array(3).fill('PUT /base/metrics/job/j'),
  );
  expect(passing.asked[2]!.body).toContain('rows_total{kind="a"} 3');

  const lasting = await fakeGateway([500, 500, 500]);
  expect((await promenade(['push', `--gateway=${lasting.url}`, '--job=j', '--retries=1', directory])).code).toBe(1);
  expect(lasting.asked).toHaveLength(2);
  const refusing = await fakeGateway([401]);
  expect((await promenade(['push', `--gateway=${refusing.url}`, '--job=j', directory])).code).toBe(1);
  expect(refusing.asked).toHaveLength(1);
  const nobody = await promenade([
    'push',
    `--gateway=http://127.0.0.1:${await freePort()}`,
    '--job=j',
    '--retries=0',
    directory,
  ]);
  expect({ code: nobody.code, why: /ECONNREFUSED/.test(nobody.stderr) }).toEqual({ code: 1, why: true });
});

test('says who it is, from the URL, options, files or the environment, and shows no secret', async () => {
  const { url, asked } = await fakeGateway([]);
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, 's3cret\n');
  const as = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> => {
    const { code, stdout, stderr } = await promenade(['push', '--job=j', '--method=delete', ...args], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('s3cret');
    return asked.at(-1)!.request.headers.authorization;
  };
  const basic = `Basic ${btoa('me:s3cret')}`;
  expect(await as([`--gateway=${url}`])).toBeUndefined();
  expect(await as([`--gateway=${url.replace('//', '//me:s3cret@')}`])).toBe(basic);
  expect(await as([`--gateway=${url}`, '--username=me', `--password-file=${file}`])).toBe(basic);
  expect(await as([], { PUSHGATEWAY_URL: url, PUSHGATEWAY_USERNAME: 'me', PUSHGATEWAY_PASSWORD: 's3cret' })).toBe(
    basic,
  );
  expect(await as([`--gateway=${url}`, `--token-file=${file}`])).toBe('Bearer s3cret');
  expect(await as([], { PUSHGATEWAY_URL: url, PUSHGATEWAY_TOKEN: 's3cret' })).toBe('Bearer s3cret');
});

test('an empty directory is not pushed over what is there', async () => {
  const { url, asked } = await fakeGateway([]);
  const { code, stderr } = await promenade(['push', `--gateway=${url}`, '--job=j', temporaryDirectory()]);
  expect({ code, says: stderr.includes('nothing has been counted'), asked }).toEqual({
    code: 1,
    says: true,
    asked: [],
  });
});

test.each<[args: string[], says: string]>([
  [['--job=j'], '--gateway=URL'],
  [['--gateway=gateway:9091', '--job=j'], '--gateway takes a URL'],
  [['--gateway=http://g'], '--job=JOB'],
  [['--gateway=http://g', '--job=j', '--grouping=site'], '--grouping=site=zrh'],
  [['--gateway=http://g', '--job=j', '--grouping=job=k'], 'names the job'],
  [['--gateway=http://g', '--job=j', '--method=patch'], 'put, post, delete'],
  [['--gateway=http://g', '--job=j', '--retries=99'], 'from 0 to 10'],
])('%j is asked for in a wrong way', async (args, says) => {
  const { code, stderr } = await promenade(['push', ...args, temporaryDirectory()]);
  expect({ code, says: stderr.includes(says) }).toEqual({ code: 2, says: true });
});

test('values that no path can hold are in base64', () => {
  const url = groupUrl(new URL('http://me:secret@g:9091/base/?x#y'), 'a/b', {
    empty: '',
    dots: '..',
    plain: 'ä b',
    path: '/var',
  });
  expect(url.href).toBe(
    'http://g:9091/base/metrics/job@base64/YS9i/empty@base64/=/dots@base64/Li4/plain/%C3%A4%20b/path@base64/L3Zhcg',
  );
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redis } from '../support/servers.ts';
import { type Inventory, lives, runToEnd, startInventory, startTimeoutMs } from './start-inventory.ts';

const server = await redis();
/** Databases of Redis that nothing else here uses. */
const [forJobs, forKill, forGivingUp] = [11, 12, 10].map((number) => new URL(`/${number}`, server.url).href) as [
  string,
  string,
  string,
];

/** Removes what the application left in Redis, this time or the last. */
async function clean(): Promise<void> {
  for (const url of server.missing ? [] : [forJobs, forKill, forGivingUp]) {
    const client = new Redis(url);
    const keys = [...(await client.keys('bull:inventory:*')), ...(await client.keys('inventory:cache:*'))];
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
  }
}

beforeAll(clean);
afterAll(clean);

interface JobAnswer {
  readonly id: number;
  readonly status: string;
  readonly started: string | null;
  readonly finished: string | null;
  readonly pid: number | null;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly result: any;
}

/** Starts a job, which comes back as soon as it waits in the queue. */
async function start(inventory: Inventory, name: string, input?: string): Promise<JobAnswer> {
  const { status, json, headers } = await inventory.api('POST', '/api/extras/jobs', { name, input });
  expect(status).toBe(202);
  expect(headers.get('location')).toBe(`/api/extras/jobs/${json.id}`);
  return json;
}

async function ended(inventory: Inventory, { id }: JobAnswer): Promise<JobAnswer> {
  for (;;) {
    const { json } = await inventory.api('GET', `/api/extras/jobs/${id}`);
    if (json.status === 'succeeded' || json.status === 'failed') return json;
    await sleep(50);
  }
}

describe.each([
  ['in the web processes', false, {}],
  ['in a worker process, by way of Redis', server.missing, { REDIS_URL: forJobs }],
] as const)('jobs %s', (_where, missing, env) => {
  describe.skipIf(missing)('are run', () => {
    let inventory: Inventory;

    beforeAll(async () => {
      inventory = await startInventory(env);
    }, startTimeoutMs);
    afterAll(() => inventory.stop());

    it('and tell what came of them', async () => {
      const report = await start(inventory, 'report');
      const sweep = await start(inventory, 'ping-sweep', '4');
      const devices = 'name,site,rack\nimported-1,1,\nimported-2,999,\n';
      const imported = await start(inventory, 'import-devices', devices);
      expect(report).toMatchObject({ started: null, result: null });
      expect((await ended(inventory, report)).result.devicesBySite.Amsterdam).toBeGreaterThan(30);
      expect((await ended(inventory, sweep)).result).toMatchObject({ addresses: 7 });
      expect(await ended(inventory, imported)).toMatchObject({
        status: 'succeeded',
        result: { lines: 2, added: 1, refused: 1, problems: ['line 3: site: There is no site 999.'] },
      });
      const { json } = await inventory.api('GET', '/api/dcim/devices?q=imported-');
      expect(json.results.map(({ name }: { name: string }) => name)).toEqual(['imported-1']);
    });

    it('and fail at once when their input is wrong', async () => {
      const job = await ended(inventory, await start(inventory, 'ping-sweep', 'everything'));
      expect(job).toMatchObject({ status: 'failed', result: { error: 'The input must be the id of a prefix.' } });
      const csv = await ended(inventory, await start(inventory, 'import-devices', 'name,site\n"'));
      expect(csv.result.error).toMatch(/^The CSV can't be read: /);
    });

    it('but only those that there are, for whoever has the token', async () => {
      const unknown = await inventory.api('POST', '/api/extras/jobs', { name: 'nothing' });
      expect([unknown.status, unknown.json.name]).toEqual([
        400,
        ['Must be one of import-devices, ping-sweep, report.'],
      ]);
      expect((await inventory.api('POST', '/api/extras/jobs', { name: 'report' }, {})).status).toBe(401);
      expect((await inventory.api('GET', '/api/extras/jobs/999999')).status).toBe(404);
    });
  });
});

describe.skipIf(server.missing)('a worker that is killed', () => {
  it('is replaced, and its job is run again', { timeout: startTimeoutMs * 2 }, async () => {
    const inventory = await startInventory({ REDIS_URL: forKill });
    const job = await start(inventory, 'report');
    let pid: number | null = null;
    while (pid === null) {
      await sleep(20);
      ({ pid } = (await inventory.api('GET', `/api/extras/jobs/${job.id}`)).json);
    }
    process.kill(pid, 'SIGKILL');
    expect((await ended(inventory, job)).status).toBe('succeeded');
    expect(lives(pid)).toBe(false);
    expect(inventory.output()).toMatch(new RegExp(`Job worker ${pid} ended \\(SIGKILL\\); starting another`));
    await inventory.stop();
  });
});

describe.skipIf(server.missing)('a job whose workers are killed again and again', () => {
  it('ends as failed in its table, once its queue has given it up', { timeout: startTimeoutMs * 4 }, async () => {
    const inventory = await startInventory({ REDIS_URL: forGivingUp });
    const job = await start(inventory, 'report');
    const killed = new Set<number>();
    let state = job;
    while (state.finished === null) {
      // A worker that runs the job holds it for more than a second.
      if (state.status === 'running' && state.pid !== null && !killed.has(state.pid)) {
        process.kill(state.pid, 'SIGKILL');
        killed.add(state.pid);
      }
      await sleep(20);
      state = (await inventory.api('GET', `/api/extras/jobs/${job.id}`)).json;
    }
    expect(state).toMatchObject({ status: 'failed', result: { error: 'job stalled more than allowable limit' } });
    expect(killed.size).toBe(2);
    await inventory.stop();
  });
});

describe('a command', () => {
  it('runs one job in a process of its own', async () => {
    const { code, output } = await runToEnd({}, ['run', 'report']);
    expect(code).toBe(0);
    expect(output).toMatch(/"Amsterdam": 35/);
  });

  it('says which jobs there are', async () => {
    const { code, output } = await runToEnd({}, ['run', 'nothing']);
    expect(code).toBe(1);
    expect(output).toMatch(/There is no job "nothing"; try one of import-devices, ping-sweep, report/);
  });
});

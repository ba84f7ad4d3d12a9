import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instrumentIoredis } from '../../../src/adapters/cache/ioredis.ts';
import { Registry } from '../../../src/core/registry.ts';
import { countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { lacksRedis } from '../../support/own-redis.ts';
import { freePort } from '../../support/private-servers.ts';

describe.skipIf(lacksRedis)('a cluster of one node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'promenade-cluster-'));
  let port: number;
  let server: ChildProcess;
  let node: Redis;

  beforeAll(async () => {
    port = await freePort();
    const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const cluster = [
      '--cluster-enabled',
      'yes',
      '--cluster-announce-ip',
      '127.0.0.1',
      '--cluster-port',
      `${await freePort()}`,
    ];
    server = spawn('redis-server', [...settings, ...cluster], { stdio: 'ignore' });
    node = new Redis(port, '127.0.0.1', { enableReadyCheck: false, retryStrategy: () => 50 });
    node.on('error', () => {});
    await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    while (!String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(50);
  });

  afterAll(async () => {
    node.disconnect();
    server.kill();
    await once(server, 'exit');
    rmSync(folder, { recursive: true });
  });

  test('counts what the cluster does, once', async () => {
    const registry = new Registry();
    const cluster = instrumentIoredis(new Cluster([{ host: '127.0.0.1', port }]), { registry });
    await cluster.set('a', 'x');
    await Promise.all([cluster.get('a'), cluster.get('b')]);
    await cluster.pipeline().get('a').get('c').exec();
    await cluster.multi().get('a').set('a', 'y').del('a').exec();
    expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({
      hit: 3,
      miss: 2,
      sets: 2,
      delete: 1,
      errors: 0,
    });
    cluster.disconnect();
  });
});

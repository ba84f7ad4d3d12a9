import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { instrumentIoredis } from '../../../src/adapters/cache/ioredis.ts';
import { instrumentRedis } from '../../../src/adapters/cache/redis/redis.ts';
import { Registry } from '../../../src/core/registry.ts';
import { countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { commandStat, lacksRedis, ownRedis, type OwnRedis } from '../../support/own-redis.ts';
import { randomNumbers } from '../../support/random.ts';

/** A command as it is sent. */
type Command = readonly [name: string, ...args: string[]];

/** What a client can do with commands. */
interface Driver {
  one(command: Command): Promise<unknown>;
  pipeline(commands: readonly Command[]): Promise<unknown>;
  transaction(commands: readonly Command[]): Promise<unknown>;
  close(): void;
}

const OPERATIONS = 10_000;

/** Commands of a cache, at random, on few keys so that they often meet. */
function commandsAt(random: (below: number) => number): () => Command {
  const key = (): string => `k${random(60)}`;
  const value = (): string => (random(5) === 0 ? '' : 'x'.repeat(random(200)));
  const kinds: readonly (() => Command)[] = [
    () => ['GET', key()],
    () => ['GET', key()],
    () => ['GET', key()],
    () => ['MGET', ...Array.from({ length: 1 + random(6) }, key)],
    () => ['SET', key(), value()],
    () => ['SET', key(), value(), 'PX', String(1 + random(30))],
    () => ['SET', key(), value(), 'NX'],
    () => ['SET', key(), value(), 'XX', 'GET'],
    () => ['SETEX', key(), '100', value()],
    () => ['SETNX', key(), value()],
    () => ['MSET', key(), value(), key(), value()],
    () => ['GETSET', key(), value()],
    () => ['GETDEL', key()],
    () => ['GETEX', key(), 'PX', String(1 + random(50))],
    () => ['DEL', key(), key()],
    () => ['UNLINK', key()],
    // What a queue would do beside it.
    () => ['HSET', `h${random(5)}`, 'a', value()],
    () => ['ZADD', `z${random(5)}`, '1', 'a'],
  ];
  return () => kinds[random(kinds.length)]!();
}

/** Has them done: singly and at once, in pipelines and in transactions. */
async function workload(driver: Driver, seed: number): Promise<void> {
  const random = randomNumbers(seed);
  const next = commandsAt(random);
  const some = (count: number): Command[] => Array.from({ length: count }, next);
  let done = 0;
  while (done < OPERATIONS) {
    const commands = some(Math.min(1 + random(40), OPERATIONS - done));
    done += commands.length;
    const way = random(4);
    if (way < 2) await Promise.all(commands.map((command) => driver.one(command)));
    else if (way === 2) await driver.pipeline(commands);
    else await driver.transaction(commands);
  }
}

describe.skipIf(lacksRedis)(`after ${OPERATIONS} operations at random`, () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await ownRedis();
  });

  let driver: Driver | undefined;
  beforeEach(async () => {
    await server.say('FLUSHALL');
    await server.say('CONFIG RESETSTAT');
  });
  afterEach(() => driver?.close());

  test.each([
    { client: 'ioredis', open: openIoredis, seed: 1 },
    { client: 'node-redis', open: openNodeRedis, seed: 2 },
  ])('$client: hits, misses, sets and deletes are those that Redis counts', async ({ open, seed }) => {
    const registry = new Registry();
    driver = await open(server, registry);
    await workload(driver, seed);
    const info = await server.info();
    const stat = (name: string): number => Number(info.get(name));
    const calls = (...commands: string[]): number =>
      commands.reduce((sum, command) => sum + commandStat(info, command, 'calls'), 0);
    const numbers = await Numbers.of(registry);
    const counted = countsOf(numbers, 'default');

    expect(counted.hit).toBe(stat('keyspace_hits'));
    expect(counted.miss).toBe(stat('keyspace_misses'));
    expect(counted).toMatchObject({ errors: 0, clear: 0, expire: 0, evict: 0 });
    const took = (operation: string): number => numbers.count('cache_operation_duration_seconds', { operation });
    expect(took('get')).toBe(calls('get', 'getex', 'getdel'));
    expect(took('get_many')).toBe(calls('mget'));
    expect(took('set')).toBe(calls('set', 'setex', 'setnx', 'getset'));
    expect(took('set_many')).toBe(calls('mset'));
    expect(took('delete')).toBe(calls('del', 'unlink'));
    expect(numbers.count('cache_operation_duration_seconds') + calls('hset', 'zadd')).toBe(OPERATIONS);
    // Each of these would be no truth if it were nothing.
    expect(Math.min(counted.hit, counted.miss, counted.sets, stat('expired_keys'), calls('hset'))).toBeGreaterThan(100);
  });

  test.each([
    { client: 'ioredis', open: openIoredis },
    { client: 'node-redis', open: openNodeRedis },
  ])('$client: what Redis drops by itself it alone counts', async ({ open }) => {
    const registry = new Registry();
    driver = await open(server, registry);
    const used = Number((await server.info()).get('used_memory'));
    await server.say(`CONFIG SET maxmemory ${used + 1_000_000}`);
    await server.say('CONFIG SET maxmemory-policy allkeys-lru');
    try {
      for (let i = 0; i < 300; i++) await driver.one(['SET', `big${i}`, 'x'.repeat(20_000)]);
    } finally {
      await server.say('CONFIG SET maxmemory 0');
    }
    expect(Number((await server.info()).get('evicted_keys'))).toBeGreaterThan(10);
    expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({ sets: 300, evict: 0, errors: 0 });
  });
});

async function openIoredis({ host, port }: OwnRedis, registry: Registry): Promise<Driver> {
  const client = instrumentIoredis(new Redis(port, host), { registry });
  return {
    one: ([name, ...args]) => client.call(name, ...args),
    pipeline: (commands) => client.pipeline(lowerCased(commands)).exec(),
    transaction: (commands) => client.multi(lowerCased(commands)).exec(),
    close: () => client.disconnect(),
  };
}

function lowerCased(commands: readonly Command[]): string[][] {
  return commands.map(([name, ...args]) => [name.toLowerCase(), ...args]);
}

async function openNodeRedis({ host, port }: OwnRedis, registry: Registry): Promise<Driver> {
  const client = createClient({ socket: { host, port } });
  await client.connect();
  instrumentRedis(client, { registry });
  const chain = (commands: readonly Command[]): ReturnType<typeof client.multi> => {
    const multi = client.multi();
    for (const command of commands) multi.addCommand([...command]);
    return multi;
  };
  return {
    one: (command) => client.sendCommand([...command]),
    pipeline: (commands) => chain(commands).execAsPipeline(),
    transaction: (commands) => chain(commands).exec(),
    close: () => client.destroy(),
  };
}

import { Buffer } from 'node:buffer';
import type { CacheOperation, CacheSeries } from './recorder.ts';

/** A command that a cache uses, and how its reply is counted. */
export interface RedisCommand {
  readonly operation: CacheOperation;
  /** @param args With the command's own name or without: the first key is at `first`. */
  count(series: CacheSeries, args: readonly unknown[], first: number, reply: unknown): void;
}

/**
 * The commands that count. Other commands on a connection are not cache operations: job queues and
 * the like are made of scripts, streams, hashes, sorted sets and pub/sub.
 */
const COMMANDS: Readonly<Record<string, RedisCommand>> = {
  get: command('get', (series, _args, _first, reply) => series.got(isThere(reply))),
  getex: command('get', (series, _args, _first, reply) => series.got(isThere(reply))),
  getdel: command('get', (series, _args, _first, reply) => {
    series.got(isThere(reply));
    if (isThere(reply)) series.invalidated('delete', 1);
  }),
  mget: command('get_many', (series, _args, _first, reply) => {
    for (const value of reply as readonly unknown[]) series.got(isThere(value));
  }),
  set: command('set', countSet),
  setex: command('set', (series) => series.stored(1)),
  psetex: command('set', (series) => series.stored(1)),
  setnx: command('set', (series, _args, _first, reply) => series.stored(Number(reply))),
  getset: command('set', (series, _args, _first, reply) => {
    series.got(isThere(reply));
    series.stored(1);
  }),
  mset: command('set_many', (series, args, first) => series.stored((args.length - first) / 2)),
  msetnx: command('set_many', (series, args, first, reply) => {
    if (Number(reply) > 0) series.stored((args.length - first) / 2);
  }),
  del: command('delete', (series, _args, _first, reply) => series.invalidated('delete', Number(reply))),
  unlink: command('delete', (series, _args, _first, reply) => series.invalidated('delete', Number(reply))),
  exists: command('has', () => {}),
  flushdb: command('clear', (series) => series.invalidated('clear', 1)),
  flushall: command('clear', (series) => series.invalidated('clear', 1)),
};

const byName: ReadonlyMap<string, RedisCommand> = new Map(
  Object.entries(COMMANDS).flatMap(([name, known]) => [
    [name, known],
    [name.toUpperCase(), known],
  ]),
);

/**
 * Returns how a command counts for a cache, in any case of its name, or undefined for a command
 * that no cache uses.
 */
export function redisCommand(name: unknown): RedisCommand | undefined {
  if (typeof name === 'string') return byName.get(name) ?? byName.get(name.toLowerCase());
  return Buffer.isBuffer(name) ? byName.get(name.toString('latin1').toLowerCase()) : undefined;
}

/** Commands by which any client looks after its connection: they don't tell what it is for. */
const HOUSEKEEPING: ReadonlySet<string> = new Set(
  'auth client cluster command config echo hello info ping quit readonly readwrite reset role select'.split(' '),
);

/** Returns true for a command that no cache uses, such as those of a queue. */
export function isOfNoCache(name: unknown): boolean {
  return typeof name === 'string' && redisCommand(name) === undefined && !HOUSEKEEPING.has(name.toLowerCase());
}

function command(operation: CacheOperation, count: RedisCommand['count']): RedisCommand {
  return { operation, count };
}

function isThere(reply: unknown): boolean {
  return reply !== null && reply !== undefined;
}

/** With GET the reply is the old value, and whether the new one was stored follows from it. */
function countSet(series: CacheSeries, args: readonly unknown[], first: number, reply: unknown): void {
  const flags = args.length > first + 2 ? flagsIn(args, first + 2) : NO_FLAGS;
  if (!flags.has('GET')) return series.stored(isThere(reply) ? 1 : 0);
  series.got(isThere(reply));
  const refused = flags.has('NX') ? isThere(reply) : flags.has('XX') && !isThere(reply);
  series.stored(refused ? 0 : 1);
}

const NO_FLAGS: ReadonlySet<string> = new Set();

function flagsIn(args: readonly unknown[], from: number): ReadonlySet<string> {
  return new Set(args.slice(from).map((flag) => String(flag).toUpperCase()));
}

import { attach, type InstrumentOptions, uninstrument } from '../../../instrument/hooks/attach.ts';
import { CacheRecorder, type CacheSeries } from '../../../instrument/cache/recorder.ts';
import { isOfNoCache, redisCommand } from '../../../instrument/cache/redis-commands.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { type BatchedCommand, type CommandArguments, observeBatch, observeCommand } from './observe.ts';
import { isVersion4, observeVersion4 } from './v4.ts';

export { type InstrumentOptions, uninstrument };

/** What is used of a client or a pool of clients. */
export interface RedisLike {
  sendCommand(args: never, ...rest: never[]): unknown;
}

/** How a client is measured. */
export interface InstrumentRedisOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
}

type SendCommand = (this: unknown, args: CommandArguments, ...rest: unknown[]) => unknown;
type ExecuteBatch = (this: unknown, commands: readonly BatchedCommand[], ...rest: unknown[]) => unknown;
type ExecuteCommand = (this: unknown, command: unknown, parser: Parser, ...rest: unknown[]) => unknown;
type Execute = (this: unknown, task: (client: object) => unknown, ...rest: unknown[]) => unknown;

interface Parser {
  readonly redisArgs: CommandArguments;
}

/**
 * A client of version 5 or later, or a pool of them. What the application holds is a shell around
 * it.
 */
interface Client {
  readonly _self?: Client;
  /** There when the client answers from memory what the server has told it before. */
  readonly clientSideCache?: unknown;
  sendCommand?: unknown;
  execute?: unknown;
  _executeCommand?: unknown;
  _executeMulti?: unknown;
  _executePipeline?: unknown;
}

/**
 * Measures the cache operations of one client of node-redis (4, 5 or 6), or of a pool: GET, SET,
 * DEL and the like, also in transactions and pipelines, and what client-side caching answers. Other
 * clients are not measured, nor are other commands, so that a job queue on the same server does not
 * show.
 *
 * @returns the client. Twice is once; `uninstrument(client)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of one of the
 *   names.
 *
 * @example
 * const redis = instrumentRedis(createClient(), { cache: 'pages' });
 */
export function instrumentRedis<T extends RedisLike>(client: T, options: InstrumentRedisOptions = {}): T {
  return attach(client, 'redis', options, (instrumentation) => {
    const series = CacheRecorder.of(instrumentation).cache(options.cache ?? 'default', 'redis', true);
    return observe(client, series);
  });
}

/** Those that are observed, by whichever of their shells. */
const observed: WeakSet<object> = new WeakSet();

function observe(shell: Client, series: CacheSeries): () => void {
  const client = shell._self ?? shell;
  if (observed.has(client)) return () => {};
  observed.add(client);
  const restore = isPool(client)
    ? observePool(client, series)
    : isVersion4(client)
      ? observeVersion4(client, series)
      : observeClient(client, series);
  return () => {
    observed.delete(client);
    for (const one of restore) one();
  };
}

function isPool(client: Client): boolean {
  return typeof client.execute === 'function' && client._executeCommand === undefined;
}

/** A pool's clients are observed when they are first used. */
function observePool(pool: Client, series: CacheSeries): readonly (() => void)[] {
  const clients = new Map<object, () => void>();
  const use = (client: Client & { once?(event: 'end', listener: () => void): void }): void => {
    const own = client._self ?? client;
    if (clients.has(own)) return;
    clients.set(own, observe(own, series));
    client.once?.('end', () => clients.delete(own));
  };
  const restoreExecute = wrapMethod(pool, 'execute', (original: Execute): Execute => {
    return function (this: unknown, task, ...rest) {
      const observedTask: typeof task = (client) => {
        use(client);
        return task(client);
      };
      return original.call(this, observedTask, ...rest);
    };
  });
  const restoreClients = (): void => {
    for (const one of clients.values()) one();
  };
  return [restoreExecute, restoreClients];
}

function observeClient(client: Client, series: CacheSeries): readonly (() => void)[] {
  /** A command counts already: what it sends is part of it. */
  let counted = false;
  const sendCommand = wrapMethod(client, 'sendCommand', (original: SendCommand): SendCommand => {
    return function (this: unknown, ...args) {
      const known = counted ? undefined : redisCommand(args[0][0]);
      const call = (): unknown => original.apply(this, args);
      if (known !== undefined) return observeCommand(series, known, args[0], call);
      if (isOfNoCache(args[0][0])) series.carriesOther();
      return call();
    };
  });
  const executeCommand = wrapMethod(client, '_executeCommand', (original: ExecuteCommand): ExecuteCommand => {
    return function (this: unknown, ...args) {
      const call = (): unknown => original.apply(this, args);
      // All others send what they are.
      if (client.clientSideCache === undefined) return call();
      const { redisArgs } = args[1];
      const known = redisCommand(redisArgs[0]);
      if (known === undefined) return call();
      return observeCommand(series, known, redisArgs, () => {
        counted = true;
        try {
          return call();
        } finally {
          counted = false;
        }
      });
    };
  });
  const batch = (original: ExecuteBatch): ExecuteBatch =>
    function (this: unknown, ...args) {
      return observeBatch(series, args[0], () => original.apply(this, args));
    };
  const executeMulti = wrapMethod(client, '_executeMulti', batch);
  const executePipeline = wrapMethod(client, '_executePipeline', batch);
  return [sendCommand, executeCommand, executeMulti, executePipeline];
}

import { attach, type InstrumentOptions, uninstrument } from '../../../instrument/hooks/attach.ts';
import { Disposers } from '../../../instrument/hooks/disposers.ts';
import { Within } from '../../../instrument/hooks/within.ts';
import { CacheRecorder, type CacheSeries } from '../../../instrument/cache/recorder.ts';
import { isOfNoCache, redisCommand } from '../../../instrument/cache/redis-commands.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { type BatchedCommand, type CommandArguments, observeBatch, observeCommand } from './observe.ts';
import { isVersion4, observeVersion4 } from './v4.ts';

export { type InstrumentOptions, uninstrument };

/** The part of a client, or a pool of clients, that is used. */
export interface RedisLike {
  sendCommand(args: never, ...rest: never[]): unknown;
}

/** Options for measuring a client. */
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
 * @returns the client. A second call is a no-op; `uninstrument(client)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
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

/** The clients that are observed, through any of their shells. */
const observed: WeakSet<object> = new WeakSet();

function observe(shell: Client, series: CacheSeries): () => void {
  const client = shell._self ?? shell;
  if (observed.has(client)) return () => {};
  observed.add(client);
  const hooks = new Disposers();
  hooks.add(() => observed.delete(client));
  if (isPool(client)) hooks.add(...observePool(client, series));
  else if (isVersion4(client)) hooks.add(...observeVersion4(client, series));
  else hooks.add(...observeClient(client, series));
  return hooks.dispose;
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
  /** Runs while a command is sent that counts already. */
  const counted = new Within();
  const sendCommand = wrapMethod(client, 'sendCommand', (original: SendCommand): SendCommand => {
    return function (this: unknown, ...args) {
      const known = counted.active ? undefined : redisCommand(args[0][0]);
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
      return observeCommand(series, known, redisArgs, () => counted.run(call));
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

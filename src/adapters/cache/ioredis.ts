import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { CacheRecorder, type CacheSeries } from '../../instrument/cache/recorder.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import { isOfNoCache, type RedisCommand, redisCommand } from '../../instrument/cache/redis-commands.ts';
import { before } from '../../instrument/hooks/wrap.ts';

export { type InstrumentOptions, uninstrument };

/**
 * The part of `Redis` and `Cluster` that is used: every command passes through it, those of
 * pipelines and transactions too.
 */
export interface IoredisLike {
  sendCommand(command: never, ...rest: never[]): unknown;
}

/** Options for measuring a client. */
export interface InstrumentIoredisOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
}

/** Set on a command once it is observed: a command is sent again after a reconnection. */
const kObserved: unique symbol = Symbol('promenade.observed');

interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  resolve(value: unknown): unknown;
  reject(error: unknown): unknown;
  [kObserved]?: boolean;
}

/**
 * Measures the cache operations of one ioredis client, 5.0 or later, or of a Cluster: GET, SET, DEL
 * and the like, also in pipelines and transactions. Other clients are not measured, nor are other
 * commands, so that a job queue on the same connection shows as little as on the same server.
 *
 * Costs about a microsecond a command (bench/results). Promises are ioredis' own: who handles them
 * and who does not stays as it was.
 *
 * @returns the client. A second call is a no-op; `uninstrument(client)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const redis = instrumentIoredis(new Redis(), { cache: 'pages' });
 */
export function instrumentIoredis<T extends IoredisLike>(client: T, options: InstrumentIoredisOptions = {}): T {
  return attach(client, 'ioredis', options, (instrumentation) => {
    const series = CacheRecorder.of(instrumentation).cache(options.cache ?? 'default', 'redis', true);
    const commands = new Commands(series);
    return before(client, 'sendCommand', (command) => commands.sent(command as Command));
  });
}

/** The commands that a client sends. */
class Commands {
  readonly #series: CacheSeries;
  /**
   * The commands of the open transaction to which the server answered QUEUED. Their replies come
   * with the reply to EXEC.
   */
  #transaction: (Observation | undefined)[] | undefined;

  constructor(series: CacheSeries) {
    this.#series = series;
  }

  sent(command: Command): void {
    if (command[kObserved] === true) return;
    const known = redisCommand(command.name);
    if (known !== undefined) this.#observe(command, new Observation(this.#series, command, known));
    else if (TRANSACTION.has(command.name)) this.#delimit(command);
    else {
      if (isOfNoCache(command.name)) this.#series.carriesOther();
      if (this.#transaction !== undefined) this.#observe(command, undefined);
    }
  }

  #observe(command: Command, observation: Observation | undefined): void {
    command[kObserved] = true;
    const transaction = this.#transaction;
    const replied = (reply: unknown): void => {
      if (transaction !== undefined && String(reply) === 'QUEUED') transaction.push(observation);
      else observation?.replied(reply);
    };
    whenAnswered(command, replied, () => observation?.failed());
  }

  #delimit(command: Command): void {
    command[kObserved] = true;
    const transaction = this.#transaction;
    const name = command.name.toLowerCase();
    this.#transaction = name === 'multi' ? [] : undefined;
    if (transaction === undefined || name !== 'exec') return;
    const replied = (replies: unknown): void => {
      // null: a watched key has changed, and nothing was done.
      if (Array.isArray(replies)) replies.forEach((reply, i) => transaction[i]?.replied(reply));
    };
    whenAnswered(command, replied, () => {});
  }
}

const TRANSACTION: ReadonlySet<string> = new Set(['multi', 'exec', 'discard', 'MULTI', 'EXEC', 'DISCARD']);

/** A command that was sent. */
class Observation {
  readonly #series: CacheSeries;
  readonly #command: Command;
  readonly #known: RedisCommand;
  readonly #start: number = performance.now();
  #done: boolean = false;

  constructor(series: CacheSeries, command: Command, known: RedisCommand) {
    this.#series = series;
    this.#command = command;
    this.#known = known;
  }

  replied(reply: unknown): void {
    if (reply instanceof Error) return this.failed();
    if (this.#end()) this.#known.count(this.#series, this.#command.args, 0, reply);
  }

  failed(): void {
    if (this.#end()) this.#series.failed(this.#known.operation);
  }

  /**
   * Returns false for an answer after the end, such as the reply to a command that has timed out.
   */
  #end(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#series.took(this.#known.operation, (performance.now() - this.#start) / 1000);
    return true;
  }
}

/**
 * Watches the functions that settle a command. Its promise is left alone, since listening to it
 * would handle its rejection. They are replaced by hand: a command lives for one call, and
 * `wrapMethod` costs more than that.
 */
function whenAnswered(command: Command, resolved: (reply: unknown) => void, rejected: () => void): void {
  const { resolve, reject } = command;
  const onResolved = guarded(resolved);
  const onRejected = guarded(rejected);
  command.resolve = (reply) => {
    onResolved(reply);
    return resolve.call(command, reply);
  };
  command.reject = (reason) => {
    onRejected();
    return reject.call(command, reason);
  };
}

import type { CacheSeries } from '../../../instrument/cache/recorder.ts';
import { type RedisCommand, redisCommand } from '../../../instrument/cache/redis-commands.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';

/** A command as it is sent: its name first. */
export type CommandArguments = readonly unknown[];

/** A command of a transaction or a pipeline. */
export interface BatchedCommand {
  readonly args: CommandArguments;
}

/** Makes a call that gives a command's reply. */
export function observeCommand<R>(series: CacheSeries, known: RedisCommand, args: CommandArguments, call: () => R): R {
  return observeCall(call, (outcome) => {
    settled(series, known, args, outcome.failed ? FAILED : outcome.result, outcome.seconds);
  });
}

type Replies = readonly unknown[];

/**
 * Makes a call that gives the replies to several commands.
 *
 * @param repliesIn Finds them in the call's result; null where nothing was done.
 */
export function observeBatch<R>(
  series: CacheSeries,
  commands: readonly BatchedCommand[],
  call: () => R,
  repliesIn: (result: Replies) => Replies | null = (result) => result,
): R {
  return observeCall(call, (outcome) => {
    if (!outcome.failed) {
      const replies = repliesIn(outcome.result as Replies);
      if (replies !== null) each(series, commands, replies, outcome.seconds);
      return;
    }
    const name = (outcome.error as Error | undefined)?.constructor.name ?? '';
    // A watched key has changed: nothing was done, and nothing went wrong.
    if (name === 'WatchError') return;
    each(series, SERVER_SAID.has(name) ? firstKnown(commands) : commands, [], outcome.seconds, FAILED);
  });
}

const FAILED: Error = new Error('the command failed');

/**
 * The server refused one of the commands, but the library does not tell which, nor what became of
 * the others.
 */
const SERVER_SAID: ReadonlySet<string> = new Set(['ErrorReply', 'SimpleError', 'BlobError', 'ReplyError']);

function firstKnown(commands: readonly BatchedCommand[]): readonly BatchedCommand[] {
  return commands.filter(({ args }) => redisCommand(args[0]) !== undefined).slice(0, 1);
}

function each(
  series: CacheSeries,
  commands: readonly BatchedCommand[],
  replies: Replies,
  seconds: number,
  failure?: Error,
): void {
  commands.forEach(({ args }, i) => {
    const known = redisCommand(args[0]);
    if (known !== undefined) settled(series, known, args, failure ?? replies[i], seconds);
  });
}

function settled(
  series: CacheSeries,
  known: RedisCommand,
  args: CommandArguments,
  reply: unknown,
  seconds: number,
): void {
  series.took(known.operation, seconds);
  if (reply instanceof Error) series.failed(known.operation);
  else known.count(series, args, 1, reply);
}

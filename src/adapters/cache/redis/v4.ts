import type { CacheSeries } from '../../../instrument/cache/recorder.ts';
import { redisCommand } from '../../../instrument/cache/redis-commands.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { type BatchedCommand, type CommandArguments, observeBatch, observeCommand } from './observe.ts';

type SendCommand = (this: unknown, args: CommandArguments, ...rest: unknown[]) => unknown;
type ExecuteBatch = (this: unknown, commands: readonly BatchedCommand[], ...rest: unknown[]) => unknown;

/** The methods that cache commands have; each is there in capitals, too. */
const METHODS: readonly string[] = [
  'get',
  'getEx',
  'getDel',
  'getSet',
  'mGet',
  'set',
  'setEx',
  'pSetEx',
  'setNX',
  'mSet',
  'mSetNX',
  'del',
  'unlink',
  'exists',
  'flushDb',
  'flushAll',
];

export function isVersion4(client: object): boolean {
  return 'multiExecutor' in client && 'commandsExecutor' in client;
}

/** Observes the commands one by one: those of version 4 go straight to a private queue. */
export function observeVersion4(client: object, series: CacheSeries): readonly (() => void)[] {
  const methods = METHODS.flatMap((method) =>
    [method, method.toUpperCase()].map((name) => {
      const known = redisCommand(method)!;
      return wrapMethod(client, name, (original) => {
        return function (this: unknown, ...args) {
          return observeCommand(series, known, toCommand(method, args), () => Reflect.apply(original, this, args));
        };
      });
    }),
  );
  const sendCommand = wrapMethod(client, 'sendCommand', (original: SendCommand): SendCommand => {
    return function (this: unknown, ...args) {
      const known = redisCommand(args[0][0]);
      const call = (): unknown => original.apply(this, args);
      return known === undefined ? call() : observeCommand(series, known, args[0], call);
    };
  });
  const multiExecutor = wrapMethod(client, 'multiExecutor', (original: ExecuteBatch): ExecuteBatch => {
    return function (this: unknown, ...args) {
      const call = (): unknown => original.apply(this, args);
      const [commands] = args;
      if (commands[0]?.args[0] !== 'MULTI') return observeBatch(series, commands, call);
      const own = commands.slice(1, -1);
      return observeBatch(series, own, call, (replies) => replies.at(-1) as readonly unknown[] | null);
    };
  });
  return [...methods, sendCommand, multiExecutor];
}

/**
 * Returns the command that is sent, as far as it matters. The library's own encoder is not
 * accessible.
 */
function toCommand(method: string, args: readonly unknown[]): CommandArguments {
  const given = isCommandOptions(args[0]) ? args.slice(1) : args;
  if (method === 'set') return [method, given[0], given[1], ...Object.keys(given[2] ?? {})];
  if (method === 'mSet' || method === 'mSetNX') return [method, ...toPairs(given[0])];
  return [method, ...given];
}

function isCommandOptions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getOwnPropertySymbols(value).length > 0;
}

function toPairs(entries: unknown): readonly unknown[] {
  return Array.isArray(entries) ? entries.flat() : Object.entries(entries as object).flat();
}

import { readFileSync } from 'node:fs';
import { closestName } from '../settings/closest-name.ts';
import { MetricsError } from '../errors.ts';
import { type Command, CommandError, type ExitCode, type Surroundings, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { helpOf, overview } from './help.ts';
import { parseArguments } from './parse-arguments.ts';

/**
 * Runs the command that the arguments name. Never throws: errors go to standard error, with their
 * fix.
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const [first, ...rest] = args;
  try {
    if (first === undefined) {
      surroundings.complain(overview());
      return 2;
    }
    if (first === '--version') return printed(surroundings, `${version()}\n`);
    if (first === '--help' || first === '-h') return printed(surroundings, overview());
    if (first === 'help') return printed(surroundings, rest.length === 0 ? overview() : helpOf(find(rest[0]!)));
    return await runCommand(find(first), rest, surroundings);
  } catch (error) {
    return report(error, first, surroundings);
  }
}

async function runCommand(command: Command, args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const given = parseArguments(command, args);
  if (given.switches.has('help')) return printed(surroundings, helpOf(command));
  return (await command.load())(given, surroundings);
}

function find(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name);
  if (command) return command;
  if (name.startsWith('-')) throw new UsageError(`There is no option ${name} before a command.`);
  const nearest = closestName(name, [...COMMANDS.map((one) => one.name), 'help']);
  throw new UsageError(`There is no command ${name}${nearest === undefined ? '' : ` (did you mean ${nearest}?)`}.`);
}

function printed({ print }: Surroundings, text: string): ExitCode {
  print(text);
  return 0;
}

function report(error: unknown, name: string | undefined, { complain }: Surroundings): ExitCode {
  const known = COMMANDS.some((one) => one.name === name) ? ` ${name}` : '';
  const wrongly =
    error instanceof UsageError || (error instanceof MetricsError && error.code === 'ERR_METRICS_INVALID_SETTING');
  if (wrongly || error instanceof CommandError || error instanceof MetricsError) {
    complain(`promenade${known}: ${error.message}\n`);
    if (error instanceof UsageError) complain(`Try promenade help${known}.\n`);
    return wrongly ? 2 : 1;
  }
  const system = error instanceof Error && (error as NodeJS.ErrnoException).code !== undefined;
  complain(`promenade${known}: ${error instanceof Error ? (system ? error.message : error.stack) : String(error)}\n`);
  return 1;
}

function version(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

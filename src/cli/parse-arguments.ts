import { parseArgs, type ParseArgsConfig } from 'node:util';
import { closestName } from '../settings/closest-name.ts';
import { type Arguments, type Command, type Option, UsageError } from './command.ts';

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  help: { short: 'h', description: 'Show this text.' },
};

/**
 * Parses the arguments after the name of a command.
 *
 * @throws UsageError for what the command does not know, with the nearest name that it does; for
 *   values that are missing or too many.
 */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const known: Readonly<Record<string, Option>> = { ...command.options, ...COMMON_OPTIONS };
  const options: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(known).map(([name, { value, short }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string', ...(short !== undefined && { short }) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const values: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const switches = new Set<string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name]! : undefined;
    if (option === undefined) throw new UsageError(unknown(token.rawName, Object.keys(known)));
    if (option.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value.`);
      switches.add(token.name);
    } else {
      const { value } = token;
      // A value that begins with a dash is the next option, unless an equals sign joins it.
      if (value === undefined || value === '' || (!token.inlineValue && value.startsWith('-'))) {
        throw new UsageError(`${token.rawName} takes a value: ${token.rawName}=${option.value}.`);
      }
      if (option.multiple) (lists[token.name] ??= []).push(value);
      else values[token.name] = value;
    }
  }
  const most = command.positional === undefined ? 0 : 1;
  if (positionals.length > most)
    throw new UsageError(`There is nothing to do with ${JSON.stringify(positionals[most])}.`);
  return { values, lists, switches, positionals };
}

function unknown(rawName: string, names: readonly string[]): string {
  const nearest = closestName(rawName.replace(/^-+/, ''), names);
  return `There is no option ${rawName}${nearest === undefined ? '' : ` (did you mean --${nearest}?)`}.`;
}

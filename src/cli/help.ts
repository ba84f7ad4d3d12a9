import { COMMANDS } from './commands.ts';
import type { Command, Option } from './command.ts';
import { COMMON_OPTIONS } from './parse-arguments.ts';

const WIDTH = 96;

/** Returns the text of `promenade --help`. */
export function overview(): string {
  return [
    'Usage: promenade <command> [options]',
    '',
    'Looks after directories in which the processes of an application count.',
    '',
    'Commands:',
    ...columns(COMMANDS.map(({ name, summary }) => [name, summary])),
    ...columns([['help <command>', 'Show what a command does, and its options.']]),
    '',
    'Options:',
    ...columns([
      ['-h, --help', 'Show this text.'],
      ['--version', 'Show the version.'],
    ]),
    '',
    'Guide: docs/guide/cli.md in the repository.',
    '',
  ].join('\n');
}

/** Returns the text of `promenade help <command>`. */
export function helpOf(command: Command): string {
  const { name, description, options, examples, exitCodes } = command;
  return [
    `Usage: ${synopsis(command)}`,
    '',
    ...description.flatMap((paragraph) => [...wrap(paragraph, WIDTH), '']),
    'Options:',
    ...columns(
      Object.entries({ ...options, ...COMMON_OPTIONS }).map(([option, one]) => [flags(option, one), meaning(one)]),
    ),
    '',
    'Exit status:',
    ...columns(Object.entries(exitCodes)),
    '',
    'Examples:',
    ...examples.flatMap(([example, does]) => [`  promenade ${name} ${example}`.trimEnd(), `      ${does}`]),
    '',
  ].join('\n');
}

/** Returns the synopsis: `promenade inspect [options] [directory]`. */
export function synopsis({ name, positional }: Command): string {
  return `promenade ${name} [options]${positional === undefined ? '' : ` [${positional}]`}`;
}

/** Returns an option as help shows it: `-h, --help`, `--port=PORT`. */
export function flags(name: string, { short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : `=${value}`}`;
}

/** Returns the description of an option with its environment variable. */
export function meaning({ description, variable }: Option): string {
  return variable === undefined ? description : `${description} [${variable}]`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const indent = Math.max(18, ...rows.map(([left]) => left.length)) + 4;
  return rows.flatMap(([left, right]) => {
    const [first, ...more] = wrap(right, WIDTH - indent);
    return [`  ${left.padEnd(indent - 2)}${first}`, ...more.map((line) => ' '.repeat(indent) + line)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

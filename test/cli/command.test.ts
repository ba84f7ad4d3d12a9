import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { flags, helpOf, meaning, overview, synopsis } from '../../src/cli/help.ts';
import { COMMON_OPTIONS, parseArguments } from '../../src/cli/parse-arguments.ts';
import { settingsTable } from '../../src/settings/settings.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { ROOT } from '../support/modules.ts';
import { ended, environment, promenade } from './promenade.ts';

const serve = COMMANDS.find(({ name }) => name === 'serve')!;
const push = COMMANDS.find(({ name }) => name === 'push')!;

describe('the program', () => {
  test('explains itself where it is asked to, on standard output', async () => {
    const help = { code: 0, stdout: overview(), stderr: '' };
    expect(await promenade(['--help'])).toEqual(help);
    expect(await promenade(['help'])).toEqual(help);
    expect(await promenade(['help', 'push'])).toEqual({ code: 0, stdout: helpOf(push), stderr: '' });
    expect(await promenade(['push', '--nonsense', '--help'])).toMatchObject({ code: 2, stdout: '' });
    expect(await promenade(['push', '-h'])).toEqual({ code: 0, stdout: helpOf(push), stderr: '' });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await promenade(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('says what is wrong on standard error, and ends with 2', async () => {
    expect(await promenade([])).toEqual({ code: 2, stdout: '', stderr: overview() });
    expect(await promenade(['sreve'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'promenade: There is no command sreve (did you mean serve?).\nTry promenade help.\n',
    });
    expect(await promenade(['serve', '--prot=1'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'promenade serve: There is no option --prot (did you mean --port?).\nTry promenade help serve.\n',
    });
    expect(await promenade(['inspect'])).toMatchObject({ code: 2, stdout: '' });
    const setting = await promenade(['serve', '--port=high', temporaryDirectory()]);
    expect({ code: setting.code, says: setting.stderr.includes('METRICS_PORT') }).toEqual({ code: 2, says: true });
    const variable = await promenade(['serve', temporaryDirectory()], { METRICS_PORT: 'high' });
    expect({ code: variable.code, says: variable.stderr.includes('METRICS_PORT') }).toEqual({ code: 2, says: true });
  });

  test('does not mind a reader that has seen enough', async () => {
    const child = spawn('sh', ['-c', `"$0" dist/cli/main.js help serve | head -n 1`, process.execPath], {
      cwd: ROOT,
      env: environment(),
    });
    const { stdout, stderr } = await ended(child);
    expect({ stdout, stderr }).toEqual({ stdout: `Usage: ${synopsis(serve)}\n`, stderr: '' });
  });
});

describe('options', () => {
  const given = (...args: string[]): ReturnType<typeof parseArguments> => parseArguments(push, args);

  test('with values, joined or not, switches, lists, and what stands behind them', () => {
    const { values, lists, switches, positionals } = given(
      '--job',
      'a',
      '--job=-b',
      '--grouping=x=1',
      '--grouping',
      'y=',
      '-h',
      'there',
    );
    expect({ values, lists, switches: [...switches], positionals }).toEqual({
      values: { job: '-b' },
      lists: { grouping: ['x=1', 'y='] },
      switches: ['help'],
      positionals: ['there'],
    });
    expect(given('--', '--job').positionals).toEqual(['--job']);
  });

  test.each<[args: string[], says: string]>([
    [['--jbo=a'], 'There is no option --jbo (did you mean --job?).'],
    [['--zzzzzzzzzz'], 'There is no option --zzzzzzzzzz.'],
    [['-x'], 'There is no option -x'],
    [['--constructor'], 'There is no option --constructor'],
    [['--job'], '--job takes a value: --job=JOB.'],
    [['--job='], '--job takes a value: --job=JOB.'],
    [['--job', '--method=put'], '--job takes a value: --job=JOB.'],
    [['--help=yes'], '--help takes no value.'],
    [['a', 'b'], 'There is nothing to do with "b".'],
  ])('%j are refused', (args, says) => {
    expect(() => given(...args)).toThrow(says);
  });
});

/** The guide's part about a command, up to the next heading of its level. */
function partOf(guide: string, { name }: Command): string {
  const [, part] = guide.split(`\n## promenade ${name}\n`);
  return part?.split('\n## ')[0] ?? '';
}

describe('the guide', () => {
  const guide = readFileSync(join(ROOT, 'docs/guide/cli.md'), 'utf8');

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    'has what %s takes and gives, and no more',
    (_, command) => {
      const part = partOf(guide, command);
      expect(part).toContain(`\`\`\`text\n${synopsis(command)}\n\`\`\``);
      const rows = part
        .split('\n')
        .filter((line) => line.startsWith('| `-'))
        .map((line) => line.replaceAll(/ +\|/g, ' |'));
      expect(rows).toEqual(
        Object.entries(command.options).map(([name, option]) => `| \`${flags(name, option)}\` | ${meaning(option)} |`),
      );
      const codes = part
        .split('\n')
        .filter((line) => /^\| \d /.test(line))
        .map((line) => line.replaceAll(/ +\|/g, ' |'));
      expect(codes).toEqual(Object.entries(command.exitCodes).map(([code, says]) => `| ${code} | ${says} |`));
      expect(codes.length).toBe(3);
      for (const [example] of command.examples) expect(part).toContain(`promenade ${command.name} ${example}`);
    },
  );

  test('names no command and no variable that there is not', () => {
    const named = [...guide.matchAll(/^## promenade (\w+)$/gm)].map(([, name]) => name);
    expect(named).toEqual(COMMANDS.map(({ name }) => name));
    const known = new Set<string>(Object.values(settingsTable).flatMap(({ variables }) => [...variables]));
    const variables = new Set(guide.match(/\b(METRICS|PROMETHEUS)_[A-Z_]+\b/g));
    expect([...variables].filter((name) => !known.has(name))).toEqual([]);
    expect(variables.size).toBeGreaterThan(4);
  });
});

test('help texts hold what the tables do, in lines that fit', () => {
  for (const command of COMMANDS) {
    const help = helpOf(command);
    for (const [name, option] of Object.entries({ ...command.options, ...COMMON_OPTIONS })) {
      expect(help).toContain(`  ${flags(name, option)}`);
    }
    expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
  }
  expect(COMMANDS.length).toBeGreaterThanOrEqual(4);
});

import { spawn, spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { lacksDebianPackages } from './debian.ts';

/**
 * Other people's parsers, which judge our pages: `promtool` (Debian's package prometheus) and
 * prometheus_client's parsers for text and, strictly, for OpenMetrics (python3-prometheus-client).
 * See debian.ts for where they come from.
 */

/** A family as Python's parsers see it. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const PACKAGES = ['prometheus', 'python3-prometheus-client'];

// The package is installed for the system's Python, which need not be the first on the PATH.
const PYTHON = '/usr/bin/python3';

const present = (): boolean =>
  spawnSync('promtool', ['--version']).status === 0 &&
  spawnSync(PYTHON, ['-c', 'import prometheus_client']).status === 0;

/** For `test.skipIf`: whether tests that need foreign parsers have to be left out. */
export const noForeignParsers: boolean = lacksDebianPackages(PACKAGES, present);

/**
 * Fails unless promtool can read the page (text 0.0.4) and has nothing to complain about its style.
 */
export async function expectPromtoolAccepts(text: string): Promise<void> {
  const { code, output } = await run('promtool', ['check', 'metrics'], text);
  expect({ code, output }).toEqual({ code: 0, output: '' });
}

const PARSE = `
import json, sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics
text = sys.stdin.buffer.read().decode('utf-8')
parse = {'text': parser, 'openmetrics': openmetrics}[sys.argv[1]].text_string_to_metric_families
print(json.dumps([{
  'name': family.name, 'type': family.type, 'help': family.documentation, 'unit': family.unit,
  'samples': [{'name': s.name, 'labels': s.labels, 'value': repr(float(s.value))} for s in family.samples],
} for family in parse(text)]))
`;

/** What Python's parser of the format reads in the page; fails where it refuses it. */
export async function parseWithPython(text: string, format: 'text' | 'openmetrics'): Promise<ParsedFamily[]> {
  const families = JSON.parse(await runPython(PARSE, text, format)) as (Omit<ParsedFamily, 'samples'> & {
    samples: (Omit<ParsedSample, 'value'> & { value: string })[];
  })[];
  return families.map((family) => ({
    ...family,
    samples: family.samples.map((sample) => ({ ...sample, value: fromPython(sample.value) })),
  }));
}

/** What a Python program prints that is given `input`; fails with what it says where it does. */
export async function runPython(program: string, input: string, ...parameters: string[]): Promise<string> {
  const { code, output } = await run(PYTHON, ['-c', program, ...parameters], input);
  expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
  return output;
}

function fromPython(repr: string): number {
  if (repr === 'nan') return NaN;
  return Number(repr.replace('inf', 'Infinity'));
}

function run(command: string, parameters: string[], input: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters);
    const output: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => output.push(data));
    child.stderr.on('data', (data: Buffer) => output.push(data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }));
    // A command that refuses a page may not read all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

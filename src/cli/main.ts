#!/usr/bin/env node
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { processEnvironment } from '../settings/environment.ts';
import type { Surroundings } from './command.ts';
import { run } from './run.ts';

const { stdin, stdout, stderr } = process;
const env = processEnvironment();

// A reader may close the pipe early, as `head` does. That is not an error.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const surroundings: Surroundings = {
  env,
  print: (text) => void stdout.write(text),
  complain: (text) => void stderr.write(text),
  colours: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  ask: stdin.isTTY === true && stdout.isTTY === true ? ask : undefined,
};

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: stdin, output: stdout });
  try {
    const closed = once(terminal, 'close').then(() => '');
    return /^y(es)?$/i.test((await Promise.race([terminal.question(`${question} [y/N] `), closed])).trim());
  } finally {
    terminal.close();
  }
}

process.exitCode = await run(process.argv.slice(2), surroundings);

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CaseResult } from '../harness/results.ts';
import { compare } from '../harness/statistics.ts';
import { DEAD_COUNTERS, DEAD_SERIES, DEAD_SLOTS } from './workload.ts';

const SCRIPT = fileURLToPath(new URL('./dead-slots-process.js', import.meta.url));
const PYTHON = '/usr/bin/python3';
const PYTHON_SCRIPT = fileURLToPath(new URL('../../src/multiprocess/dead_slots.py', import.meta.url));
const run = promisify(execFile);

/** What a process says that has shown the page a few times. */
interface Pages {
  /** In milliseconds, the first page first. */
  readonly ms: readonly number[];
  /** The sum of all samples. */
  readonly total: number;
}

/** Beside client_python, the only other library that has such files, where it is installed. */
export async function measureDeadSlots(quick: boolean): Promise<CaseResult[]> {
  const slots = quick ? 16 : DEAD_SLOTS;
  console.log(`multiprocess: ${slots} slots of ended processes`);
  const sizes = [slots, DEAD_SERIES, ...DEAD_COUNTERS].map(String);
  const directories = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'promenade-bench-'))));
  const contenders: [name: string, file: string, args: string[]][] = [
    ['promenade', process.execPath, [SCRIPT, directories[0]!]],
  ];
  if (await hasClientPython()) contenders.push(['client_python', PYTHON, [PYTHON_SCRIPT, directories[1]!]]);
  else console.log('multiprocess: client_python is not installed');
  try {
    for (const [, file, args] of contenders) await run(file, [...args, 'fill', ...sizes]);
    const first = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
    const later = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const [name, file, args] of contenders) {
        const { stdout } = await run(file, [...args, 'show', ...sizes]);
        const { ms, total } = JSON.parse(stdout) as Pages;
        assert.equal(total, slots * DEAD_SERIES * DEAD_COUNTERS.length, name);
        first.get(name)!.push(ms[0]!);
        later.get(name)!.push(...ms.slice(1));
      }
    }
    const toCase = (name: string, samples: ReadonlyMap<string, number[]>): CaseResult => ({
      name,
      unit: 'ms',
      contenders: compare([...samples].map(([contender, values]) => ({ name: contender, values }))),
    });
    return [
      toCase(`${slots} ended processes, first page`, first),
      toCase(`${slots} ended processes, later pages`, later),
    ];
  } finally {
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
  }
}

async function hasClientPython(): Promise<boolean> {
  try {
    await run(PYTHON, ['-c', 'import prometheus_client']);
    return true;
  } catch {
    return false;
  }
}

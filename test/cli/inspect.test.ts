import { execFile } from 'node:child_process';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Inspection } from '../../src/cli/inspection.ts';
import { showInspection } from '../../src/cli/show-inspection.ts';
import { surveyDirectory } from '../../src/store/reader/survey.ts';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { ROOT } from '../support/modules.ts';
import { environment, promenade } from './promenade.ts';

async function inspect(directory: string, ...more: string[]): Promise<{ code: number | null; report: Inspection }> {
  const { code, stdout } = await promenade(['inspect', '--json', ...more, directory]);
  return { code, report: JSON.parse(stdout) as Inspection };
}

/** Names and places of all files. */
function listing(directory: string): string[] {
  return readdirSync(directory).map(
    (file) => `${file} ${statSync(join(directory, file)).ino} ${statSync(join(directory, file)).mtimeMs}`,
  );
}

test('shows slots, roles, who lives, sizes, and the largest families', async () => {
  const directory = temporaryDirectory();
  const gone = await Recorder.start(directory, { METRICS_ROLE: 'web' });
  await gone.define('Counter', { name: 'orders_total', labelNames: ['k'], maxSeries: 3 });
  for (let i = 0; i < 5; i++) await gone.record('orders_total', { k: `${i}` }, 'inc', [1]);
  await gone.kill();
  const live = await Recorder.start(directory, { METRICS_ROLE: 'job' });
  await live.define('Histogram', { name: 'sizes', labelNames: ['k'], buckets: [1, 2] });
  for (let i = 0; i < 10; i++) await live.record('sizes', { k: `${i}` }, 'observe', [1]);
  await live.define('Counter', { name: 'orders_total', labelNames: ['k'], maxSeries: 3 });
  const before = listing(directory);

  const { code, report } = await inspect(directory);
  expect(code).toBe(0);
  expect(report).toMatchObject({ format: 1, directory, damaged: false, files: [] });
  expect(report.slots).toMatchObject([
    {
      name: 'job-0',
      role: 'job',
      state: 'live',
      pid: live.process.pid,
      generation: 1,
      families: 2,
      series: 10,
      otherBoot: false,
      notes: [],
    },
    { name: 'web-0', role: 'web', state: 'dead', pid: gone.process.pid, generation: 1, families: 1, series: 3 },
  ]);
  // Its header of 8 cells; 11 histograms of 2 sums and 3 counts; one counter that waits for its
  // limit.
  expect(report.slots[0]!.cells).toEqual({ used: 8 + 11 * 5 + 1, allocated: 8192 });
  expect(report.slots[0]!.bytes).toEqual({ names: 65_536, cells: 65_536, exemplars: 0 });
  expect(report.families).toEqual([
    { name: 'sizes', type: 'histogram', series: 10, bytes: 11 * 5 * 8, slots: 1, overflowed: 0 },
    { name: 'orders_total', type: 'counter', series: 3, bytes: 5 * 8, slots: 2, overflowed: 1 },
  ]);
  expect(report.bytes).toBe(4 * 65_536);
  expect(report.space.freeBytes).toBeGreaterThan(0);
  expect(report.space.freeBytes).toBeLessThanOrEqual(report.space.totalBytes);
  expect(Date.parse(report.started!)).toBeLessThanOrEqual(Date.parse(report.slots[0]!.started!));
  expect((await inspect(directory, '--families=1')).report.families).toHaveLength(1);
  expect(listing(directory)).toEqual(before);

  const { stdout, stderr } = await promenade(['inspect', directory]);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^2 slots, 1 of them live; 256 KiB of files, /m);
  expect(stdout).toMatch(/^job-0 +live +\d+ +1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +2 +10 +64 +8192 +128 KiB$/m);
  expect(stdout).toMatch(/^orders_total in 1 slot$/m);
  expect(stdout).not.toContain('\u001B');
});

test('a starting process does not mind being looked at', async () => {
  const directory = temporaryDirectory();
  const own = async (): Promise<void> => {
    const recorder = await Recorder.start(directory);
    await recorder.define('Counter', { name: 'orders_total' });
    await recorder.kill();
  };
  await own();
  const starting = { over: false };
  const looks = (async () => {
    let looked = 0;
    for (; !starting.over; looked++) {
      await surveyDirectory(directory);
      await delay(2);
    }
    return looked;
  })();
  for (let i = 0; i < 3; i++) await own();
  starting.over = true;
  expect(await looks).toBeGreaterThan(20);
  expect((await inspect(directory)).report.slots.map(({ name, generation }) => ({ name, generation }))).toEqual([
    { name: 'worker-0', generation: 4 },
  ]);
});

test('damage is named, and ends with 1; what a kill leaves is no damage', async () => {
  const directory = temporaryDirectory();
  for (const role of ['sound', 'torn', 'short', 'strange', 'garbled', 'later']) {
    const recorder = await Recorder.start(directory, { METRICS_ROLE: role });
    await recorder.define('Counter', { name: 'orders_total' });
    await recorder.kill();
  }
  const file = (name: string): string => join(directory, name);
  const write = (name: string, bytes: Buffer, position: number): void => {
    const fd = openSync(file(name), 'r+');
    writeSync(fd, bytes, 0, bytes.length, position);
    closeSync(fd);
  };
  const end = lastRecord(file('torn-0.names'));
  write('torn-0.names', Buffer.from([9, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]), end);
  const { code, report } = await inspect(directory);
  expect({ code, damaged: report.damaged }).toEqual({ code: 0, damaged: false });
  expect(report.slots.find(({ name }) => name === 'torn-0')).toMatchObject({
    state: 'dead',
    notes: ['its last record was cut off by a kill, and harms nothing'],
  });

  truncateSync(file('short-0.cells'), 65_536 - 8);
  renameSync(file('strange-0.cells'), file('strange-0.cells.damaged-12'));
  writeFileSync(file('strange-0.cells'), Buffer.alloc(65_536));
  for (const copy of [0, 272]) write('garbled-0.names', Buffer.from('garbage'), copy);
  for (const copy of [0, 272]) write('later-0.names', Buffer.from([9]), copy + 8);
  writeFileSync(file('foreign.db'), 'SQLite');
  writeFileSync(file('gone-0.cells'), 'leftover');
  const after = await inspect(directory);
  expect({ code: after.code, damaged: after.report.damaged }).toEqual({ code: 1, damaged: true });
  expect(
    Object.fromEntries(after.report.slots.map(({ name, state, notes }) => [name, `${state}: ${notes.join()}`])),
  ).toEqual({
    'garbled-0': 'damaged: its header makes no sense',
    'later-0': 'foreign: it is of another version',
    'short-0': 'damaged: its cells are cut off',
    'sound-0': 'dead: ',
    'strange-0': 'damaged: its cells are not its own',
    'torn-0': 'dead: its last record was cut off by a kill, and harms nothing',
  });
  expect(after.report.files.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    'foreign.db foreign',
    'gone-0.cells leftover',
    'strange-0.cells.damaged-12 damaged',
  ]);
  const { code: shown, stdout } = await promenade(['inspect', directory]);
  expect(shown).toBe(1);
  expect(stdout).toContain('garbled-0: its header makes no sense');
  expect(stdout).toContain('Something is damaged');
});

/** Where a slot's records end. */
function lastRecord(path: string): number {
  const bytes = readFileSync(path);
  let at = 512;
  while (bytes.readUInt32LE(at) !== 0) at += 8 + bytes.readUInt32LE(at);
  return at;
}

test('no directory is 1, and says so', async () => {
  const { code, stderr } = await promenade(['inspect', join(temporaryDirectory(), 'none')]);
  expect({ code, says: stderr.includes('there is no directory') }).toEqual({ code: 1, says: true });
  expect((await promenade(['inspect', '--families=many', temporaryDirectory()])).code).toBe(2);
});

test('colours are for terminals, and not where NO_COLOR is set', async () => {
  const directory = temporaryDirectory();
  await (await Recorder.start(directory)).define('Counter', { name: 'orders_total' });
  const { report } = await inspect(directory);
  expect(showInspection(report, 10, false)).not.toContain('\u001B');
  expect(showInspection(report, 10, true)).toContain('\u001B');
  // `script` gives the command a terminal.
  const inTerminal = async (more: NodeJS.ProcessEnv): Promise<string> => {
    const command = `${process.execPath} dist/cli/main.js inspect ${directory}`;
    const env = environment({ TERM: 'xterm', ...more });
    return (await promisify(execFile)('script', ['-qec', command, '/dev/null'], { cwd: ROOT, env })).stdout;
  };
  expect(await inTerminal({})).toContain('\u001B[1m');
  expect(await inTerminal({ NO_COLOR: '1' })).not.toContain('\u001B');
});

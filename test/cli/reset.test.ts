import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, valueOn } from '../multiprocess/page.ts';
import { ROOT } from '../support/modules.ts';
import { ended, environment, promenade } from './promenade.ts';

/** A process of a role that has counted. */
async function counting(directory: string, role: string, count: number): Promise<Recorder> {
  const recorder = await Recorder.start(directory, { METRICS_ROLE: role });
  await recorder.define('Counter', { name: 'orders_total' });
  await recorder.record('orders_total', undefined, 'inc', [count]);
  return recorder;
}

const orders = async (recorder: Recorder): Promise<number | undefined> => valueOn(await recorder.snapshot(), 'orders');

test('begins anew where nobody lives; readers forget, and other people’s files stay', async () => {
  const directory = temporaryDirectory();
  await (await counting(directory, 'web', 5)).kill();
  writeFileSync(join(directory, 'notes.txt'), 'mine');
  writeFileSync(join(directory, 'web-0.names.damaged-1'), 'old');
  expect(await promenade(['reset', directory])).toEqual({
    code: 0,
    stdout: `${directory} begins anew: what 1 slot held is gone.\n`,
    stderr: '',
  });
  expect(readdirSync(directory).sort()).toEqual(['directory.json', 'directory.lock', 'notes.txt']);
  const next = await counting(directory, 'web', 1);
  expect(await orders(next)).toBe(1);
});

test('refuses while a process lives; with --force it forgets the dead, on the pages of the living, too', async () => {
  const directory = temporaryDirectory();
  const dead = await counting(directory, 'job', 7);
  const live = await counting(directory, 'web', 5);
  await dead.kill();
  expect(await orders(live)).toBe(12);

  const refused = await promenade(['reset', directory]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain(`web-0 (pid ${live.process.pid})`);
  expect(refused.stderr).toContain('--force');
  expect(await orders(live)).toBe(12);

  const { code, stdout } = await promenade(['reset', '--force', directory]);
  expect(code).toBe(0);
  expect(stdout).toContain('what 1 slot held is gone');
  expect(stdout).toContain('web-0');
  // It goes on with what it has counted itself, in its own files.
  await live.record('orders_total', undefined, 'inc', [1]);
  expect(await orders(live)).toBe(6);
  await expect.poll(() => readdirSync(directory).filter((file) => file.endsWith('.names'))).toEqual(['web-0.names']);
  // Its heartbeat leaves the new beginning alone.
  await live.kill();
  const reader = readerOf(directory);
  const page = await reader.snapshot();
  expect(valueOn(page, 'orders')).toBe(6);
  expect(page.startTimestamp * 1000).toBeGreaterThan(Date.now() - 60_000);
});

test('touches nothing that is no metrics directory', async () => {
  const directory = temporaryDirectory();
  for (const file of ['mine.tmp', 'page.names', 'a.damaged-1']) writeFileSync(join(directory, file), 'mine');
  const { code, stderr } = await promenade(['reset', '--force', '--yes', directory]);
  expect({ code, says: stderr.includes('is not a metrics directory') }).toEqual({ code: 1, says: true });
  expect(readdirSync(directory)).toHaveLength(3);
  const missing = join(directory, 'none');
  expect(await promenade(['reset', missing])).toEqual({
    code: 0,
    stdout: `Nothing to do: there is no directory ${missing}.\n`,
    stderr: '',
  });
});

test('leaves alone what another program has made under names like ours', async () => {
  const directory = temporaryDirectory();
  const files = { 'directory.json': '{"users":["a"]}', 'web-0.names': 'Ada\n', 'web-0.cells': 'x', 'old.tmp': 'draft' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  mkdirSync(join(directory, 'web-1.names'));
  const { code, stderr } = await promenade(['reset', '--force', '--yes', directory]);
  expect({ code, says: stderr.includes('is not a metrics directory') }).toEqual({ code: 1, says: true });
  expect(readdirSync(directory).sort()).toEqual([...Object.keys(files), 'web-1.names'].sort());
  for (const [name, text] of Object.entries(files)) expect(readFileSync(join(directory, name), 'utf8')).toBe(text);
});

test('keeps a folder inside, whatever its name', async () => {
  const directory = temporaryDirectory();
  await (await counting(directory, 'web', 5)).kill();
  for (const name of ['web-7.names', 'backup', 'x.note']) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'file'), 'mine');
  }
  expect((await promenade(['reset', '--yes', directory])).code).toBe(0);
  for (const name of ['web-7.names', 'backup', 'x.note']) {
    expect(readFileSync(join(directory, name, 'file'), 'utf8')).toBe('mine');
  }
  expect(readdirSync(directory)).not.toContain('web-0.names');
});

test('asks at a terminal, unless told not to', async () => {
  const directory = temporaryDirectory();
  await (await counting(directory, 'web', 5)).kill();
  const inTerminal = async (answer: string, ...more: string[]): Promise<string> => {
    const command = `${process.execPath} dist/cli/main.js reset ${more.join(' ')} ${directory}; echo "code $?"`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: ROOT, env: environment({ TERM: 'dumb' }) });
    child.stdout.once('data', () => child.stdin.write(answer));
    const { stdout } = await ended(child);
    child.stdin.end();
    return stdout;
  };
  const no = await inTerminal('n\n');
  expect(no).toContain('Take away what 1 slot');
  expect(no).toMatch(/Nothing was done\.\s+code 1/);
  expect(readdirSync(directory)).toContain('web-0.names');
  expect(await inTerminal('y\n')).toMatch(/begins anew[^]*code 0/);
  expect(await inTerminal('', '--yes')).not.toContain('Take away');
});

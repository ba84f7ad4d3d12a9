import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Board, HeapBoard } from '../../src/store/board.ts';
import { FileBoard } from '../../src/store/files/file-board.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { builtModule } from '../support/built-module.ts';

const boards: readonly (readonly [string, () => Board])[] = [
  ['on the heap', () => new HeapBoard()],
  ['of files', () => new FileBoard(temporaryDirectory())],
];

test.each(boards)('a board %s keeps texts by name', (_, open) => {
  const board = open();
  expect(board.names()).toEqual([]);
  expect(board.read('ipam.prefixes')).toBeUndefined();
  board.post('ipam.prefixes', 'one\ntwo\u{1f600}');
  board.post('dcim.devices', '');
  const note = board.read('ipam.prefixes');
  expect(note!.text).toBe('one\ntwo\u{1f600}');
  expect(board.read('ipam.prefixes')).toBe(note);
  expect(board.read('dcim.devices')!.text).toBe('');
  expect([...board.names()].sort()).toEqual(['dcim.devices', 'ipam.prefixes']);
  board.post('ipam.prefixes', 'three');
  expect(board.read('ipam.prefixes')!.text).toBe('three');
  expect(note!.text).toBe('one\ntwo\u{1f600}');
  board.remove('dcim.devices');
  board.remove('dcim.racks');
  expect(board.names()).toEqual(['ipam.prefixes']);
  expect(board.damaged).toBe(0);
});

test.each(boards)('a board %s gives the right to work on a text to one at a time', (_, open) => {
  const board = open();
  const release = board.claim('a');
  expect(release).toBeTypeOf('function');
  expect(board.claim('a')).toBeUndefined();
  const other = board.claim('b');
  expect(other).toBeTypeOf('function');
  board.post('a', 'text');
  board.remove('a'); // somebody works on it
  expect(board.read('a')!.text).toBe('text');
  release!();
  const again = board.claim('a');
  release!(); // not his any more
  expect(again).toBeTypeOf('function');
  expect(board.claim('a')).toBeUndefined();
  again!();
  other!();
  board.remove('a');
  expect(board.read('a')).toBeUndefined();
});

test('files can be read by who may not write, and another process holds the right as one here does', () => {
  const directory = temporaryDirectory();
  const board = new FileBoard(directory);
  board.post('a', 'text');
  const reader = new FileBoard(directory, false);
  expect(reader.read('a')!.text).toBe('text');
  fs.writeFileSync(join(directory, 'a.note'), 'x');
  expect(reader.read('a')).toBeUndefined();
  expect(reader.damaged).toBe(0);
  expect(fs.readdirSync(directory)).toEqual(['a.note']);

  expect(claimElsewhere(directory, 'a')).toBe('claimed');
  const release = board.claim('a')!;
  expect(claimElsewhere(directory, 'a')).toBe('taken');
  release();
  expect(claimElsewhere(directory, 'a')).toBe('claimed');
});

const fileBoard = await builtModule('store/files/file-board');

/** What another process gets that claims a text. */
function claimElsewhere(directory: string, name: string): string {
  const code = `import { FileBoard } from ${JSON.stringify(fileBoard)};
    process.stdout.write(new FileBoard(process.argv[1]).claim(process.argv[2]) ? 'claimed' : 'taken');`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', code, directory, name], { encoding: 'utf8' });
}

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['cut', (path) => fs.truncateSync(path, 30)],
  ['empty', (path) => fs.truncateSync(path, 0)],
  ['longer than it says', (path) => fs.appendFileSync(path, 'x')],
  ['changed', (path) => fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('text', 'tent'))],
  ['without its first line', (path) => fs.writeFileSync(path, 'text')],
  ['with half of its first line', (path) => fs.writeFileSync(path, 'promenade-note 1 \n')],
  ['random', (path) => fs.writeFileSync(path, Buffer.from([0, 255, 254, 1, 2, 3]))],
  ['a pipe', (path) => execFileSync('sh', ['-c', 'rm "$1" && mkfifo "$1"', 'sh', path])],
];
test.each(damages)('a file that is %s is put aside and counted, once', (_, damage) => {
  const directory = temporaryDirectory();
  const board = new FileBoard(directory);
  board.post('a', 'text');
  board.post('b', 'other');
  damage(join(directory, 'a.note'));
  expect(board.read('a')).toBeUndefined();
  expect(board.read('a')).toBeUndefined();
  expect(board.damaged).toBe(1);
  expect(board.names()).toEqual(['b']);
  expect(fs.readdirSync(directory).filter((file) => file.startsWith('a.note.damaged-'))).toHaveLength(1);
  board.post('a', 'text');
  expect(board.read('a')!.text).toBe('text');
  expect(board.read('b')!.text).toBe('other');
});

test('a directory in the place of a file gives way, and a later version is left alone', () => {
  const directory = temporaryDirectory();
  const board = new FileBoard(directory);
  fs.mkdirSync(join(directory, 'a.note'));
  expect(board.read('a')).toBeUndefined();
  board.post('a', 'text');
  expect(board.read('a')!.text).toBe('text');
  fs.writeFileSync(join(directory, 'b.note'), 'promenade-note 2 of which nothing is known');
  expect(board.read('b')).toBeUndefined();
  expect(board.damaged).toBe(0);
  expect(board.names()).toEqual(['a', 'b']);
});

test('where nothing can be written, this process alone has its texts, until there is room again', () => {
  const directory = temporaryDirectory();
  const [board, another] = [new FileBoard(directory), new FileBoard(directory)];
  board.post('a', 'old');
  const full = vi.spyOn(fs, 'writeFileSync').mockImplementation(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  onTestFinished(() => full.mockRestore());
  board.post('a', 'new');
  board.post('b', 'more');
  full.mockRestore();
  expect([board.read('a')!.text, another.read('a')!.text]).toEqual(['new', 'old']);
  expect(board.names()).toEqual(['a', 'b']);
  expect(another.names()).toEqual(['a']);
  expect(fs.readdirSync(directory)).toEqual(['a.note']);
  board.post('a', 'newest');
  expect([board.read('a')!.text, another.read('a')!.text]).toEqual(['newest', 'newest']);
});

test('a wiped directory is an empty board, and not to be claimed on', () => {
  const directory = temporaryDirectory();
  const board = new FileBoard(directory);
  board.post('a', 'text');
  const release = board.claim('a')!;
  fs.rmSync(directory, { recursive: true });
  expect(board.read('a')).toBeUndefined();
  expect(board.names()).toEqual([]);
  expect(board.claim('a')).toBeUndefined();
  board.remove('a');
  fs.mkdirSync(directory);
  // The lock of the directory that was is another one's: it keeps nobody from working on what comes
  // now.
  const anew = board.claim('a');
  expect(anew).toBeTypeOf('function');
  anew!();
  release();
});

import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { digestOf, includesToken } from '../../src/settings/token-digest.ts';
import { TokensFile } from '../../src/endpoint/tokens-file.ts';
import { warnings } from './serving.ts';

let directory: string;
let path: string;
let nowMs: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tokens-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  path = join(directory, 'tokens');
  nowMs = 0;
});

const openFile = (): TokensFile => new TokensFile(path, () => nowMs);

async function accepted(file: TokensFile, ...tokens: string[]): Promise<boolean[]> {
  const current = await file.current();
  return tokens.map((token) => includesToken(current, token));
}

test('one token a line, plain or hashed; comments, blanks and Windows line ends are left out', async () => {
  writeFileSync(path, `# scrapers\r\n\r\n  one  \r\nsha256:${digestOf('two').toString('hex')}\n\n#three\n`);
  expect(await accepted(openFile(), 'one', 'two', 'three', '#three', '')).toEqual([true, true, false, false, false]);
});

test('a change is seen after a second, and not looked for before', async () => {
  writeFileSync(path, 'old');
  const file = openFile();
  writeFileSync(path, 'new');
  nowMs = 999;
  expect(await accepted(file, 'old', 'new')).toEqual([true, false]);
  nowMs = 1000;
  expect(await accepted(file, 'old', 'new')).toEqual([false, true]);
});

test('a change that keeps size and modification time is seen', async () => {
  writeFileSync(path, 'old');
  const { atime, mtime } = statSync(path);
  const file = openFile();
  writeFileSync(path, 'new');
  utimesSync(path, atime, mtime);
  nowMs = 1000;
  expect(await accepted(file, 'old', 'new')).toEqual([false, true]);
});

test('a replaced symbolic link is followed, as Kubernetes mounts secrets', async () => {
  writeFileSync(join(directory, 'v1'), 'old');
  writeFileSync(join(directory, 'v2'), 'new');
  symlinkSync('v1', path);
  const file = openFile();
  symlinkSync('v2', join(directory, 'next'));
  renameSync(join(directory, 'next'), path);
  nowMs = 1000;
  expect(await accepted(file, 'old', 'new')).toEqual([false, true]);
});

test('what becomes unreadable or malformed leaves the last good tokens, with one warning a time', async () => {
  const told = warnings('WARN_METRICS_TOKENS_FILE');
  writeFileSync(path, 'good');
  const file = openFile();
  const later = async (): Promise<boolean[]> => {
    nowMs += 1000;
    return accepted(file, 'good', 'better');
  };

  rmSync(path);
  expect(await later()).toEqual([true, false]);
  expect(await later()).toEqual([true, false]);
  writeFileSync(path, 'not hunter2 a token');
  expect(await later()).toEqual([true, false]);
  expect(told).toEqual([expect.stringMatching(/METRICS_TOKENS_FILE: ENOENT.* stay in force/)]);

  writeFileSync(path, 'better');
  expect(await later()).toEqual([false, true]);
  writeFileSync(path, 'better\nnot hunter2 a token');
  expect(await later()).toEqual([false, true]);
  expect(await later()).toEqual([false, true]);
  expect(told).toHaveLength(2);
  expect(told[1]).toContain('line 2 has characters that no token may have');
  expect(told.join()).not.toContain('hunter2');
});

test('an emptied file revokes all tokens', async () => {
  writeFileSync(path, 'good');
  const file = openFile();
  writeFileSync(path, '# none\n');
  nowMs = 1000;
  expect(await accepted(file, 'good')).toEqual([false]);
  expect(file.empty).toBe(true);
});

test('a hundred requests at once look at the file once', async () => {
  writeFileSync(path, 'old');
  const file = openFile();
  nowMs = 1000;
  const lists = await Promise.all(Array.from({ length: 100 }, () => file.current()));
  expect(new Set(lists).size).toBe(1);
});

test.each([
  ['missing', () => {}, 'ENOENT'],
  ['malformed', () => writeFileSync(path, 'good\nsha256:hunter2'), 'line 2 has not 64 hexadecimal digits'],
  ['empty', () => writeFileSync(path, '# none'), 'nobody could read the metrics'],
  ['a directory', () => (path = directory), 'EISDIR'],
])('at start a file that is %s is an error', (_what, make, says) => {
  make();
  const start = (): unknown =>
    createEndpoint(
      { enabled: true, registry: new Registry() },
      { METRICS_AUTHENTICATION: '1', METRICS_TOKENS_FILE: path },
    );
  expect(start).toThrow(
    expect.objectContaining({ code: 'ERR_METRICS_INVALID_SETTING', message: expect.stringContaining(says) }) as Error,
  );
  expect(start).not.toThrow('hunter2');
});

test('a file that is too large, or is no file, is refused', () => {
  writeFileSync(path, `${'a'.repeat(1000)}\n`.repeat(300));
  expect(() => openFile()).toThrow(/METRICS_TOKENS_FILE: it has more than 262144 bytes/);
  expect(() => new TokensFile('/dev/zero')).toThrow(/METRICS_TOKENS_FILE: it is not a regular file/);
});

test('a token of many is found, and another is not', async () => {
  writeFileSync(path, Array.from({ length: 10_000 }, (_, i) => `token-${i}`).join('\n'));
  const file = openFile();
  expect(await file.includes('token-9999')).toBe(true);
  expect(await file.includes('token-10000')).toBe(false);
});

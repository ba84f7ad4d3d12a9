import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Gauge } from '../../src/core/gauge.ts';
import { Directory } from '../../src/store/files/directory.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const refused = (code: string, text: string): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;

describe('a directory that can’t be used is a clear error', () => {
  test.each([
    ['NFS', 0x6969],
    ['CIFS', 0xff534d42],
    ['CIFS', 0xff534d42 | 0],
    ['SMB2', 0xfe534d42],
    ['Ceph', 0x00c36400],
  ])('on a network file system: %s, %i', (name, type) => {
    const path = temporaryDirectory();
    const statfs = vi.spyOn(fs, 'statfsSync').mockReturnValue({ type } as fs.StatsFs);
    expect(() => new Directory(path)).toThrow(refused('ERR_METRICS_STORE_DIRECTORY', `network file system (${name})`));
    expect(statfs).toHaveBeenCalledWith(path);
    expect(fs.readdirSync(path)).toEqual([]);
  });

  test.each([
    ['ext4', 0xef53],
    ['tmpfs', 0x01021994],
    ['overlay', 0x794c7630],
  ])('not on a local one: %s', (_, type) => {
    vi.spyOn(fs, 'statfsSync').mockReturnValue({ type } as fs.StatsFs);
    expect(new Directory(temporaryDirectory()).startTimestamp).toBeGreaterThan(0);
  });

  test('a file in its place, and below a file', () => {
    const file = join(temporaryDirectory(), 'file');
    fs.writeFileSync(file, '');
    for (const path of [file, join(file, 'below')]) {
      expect(() => new Directory(path)).toThrow(refused('ERR_METRICS_STORE_DIRECTORY', path));
    }
  });

  test('where nothing can be made', () => {
    expect(() => new Directory('/proc/promenade/metrics')).toThrow(
      refused('ERR_METRICS_STORE_DIRECTORY', '/proc/promenade/metrics'),
    );
  });
});

describe('a clock that jumps', () => {
  test('the most recently set gauge is that, whatever time of day its setting had', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 2_000_000_000_000 });
    const directory = temporaryDirectory();
    const [a, b] = [new Process(directory), new Process(directory)];
    const define = ({ registry }: Process): Gauge =>
      new Gauge({ name: 'latest', help: 'Help.', aggregation: 'mostRecent', registry });
    const [first, second] = [define(a), define(b)];
    first.set(1);
    vi.setSystemTime(1_000_000_000_000);
    second.set(2);
    expect(valueOn(await a.registry.snapshot(), 'latest')).toBe(2);
    vi.setSystemTime(3_000_000_000_000);
    first.set(3);
    expect(valueOn(await b.registry.snapshot(), 'latest')).toBe(3);
  });

  test('sums and their start stay what they are', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 2_000_000_000_000 });
    const directory = temporaryDirectory();
    const process = new Process(directory);
    process.count(3);
    const { startTimestamp } = await process.registry.snapshot();
    expect(startTimestamp).toBe(2_000_000_000);
    for (const now of [1_000_000_000_000, 3_000_000_000_000]) {
      vi.setSystemTime(now);
      const other = new Process(directory);
      other.count(3);
      other.die();
      const page = await process.registry.snapshot();
      expect(page.startTimestamp).toBe(startTimestamp);
    }
    expect(totalOn(await process.registry.snapshot(), 'requests')).toBe(9);
  });
});

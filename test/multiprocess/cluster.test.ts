import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { seriesOn, valueOn } from './page.ts';

interface Pages {
  readonly pages: readonly Snapshot[];
  readonly directory: string;
}

/**
 * Starts the cluster with nothing said about metrics; its files go below a folder for temporary
 * files of its own.
 */
async function startCluster(temporary: string): Promise<{ child: ChildProcess; before: Snapshot }> {
  const { PROMETHEUS_MULTIPROC_DIR: _, METRICS_ROLE: __, ...env } = environment('', { TMPDIR: temporary });
  const child = startFixture('cluster.mjs', [], { env, serialization: 'advanced' });
  const [{ before }] = (await once(child, 'message')) as [{ before: Snapshot }];
  return { child, before };
}

async function ask(child: ChildProcess, command: string): Promise<Pages> {
  child.send(command);
  const [answer] = (await once(child, 'message')) as [Pages];
  return answer;
}

test(
  'a cluster without configuration: whichever process is asked, the page is that of all',
  { timeout: 60_000 },
  async () => {
    const temporary = temporaryDirectory();
    const { child, before } = await startCluster(temporary);
    expect(valueOn(before, 'jobs', ['primary'])).toBe(5);

    const { pages, directory } = await ask(child, 'pages');
    expect(pages).toHaveLength(4);
    for (const page of pages) {
      expect(valueOn(page, 'jobs', ['primary'])).toBe(6);
      expect(valueOn(page, 'jobs', ['worker'])).toBe(30);
      expect(seriesOn(page, 'sizes')).toEqual([3.5, 3, 1]);
      expect(valueOn(page, 'alive')).toBe(4);
    }
    expect(dirname(dirname(directory))).toBe(temporary);

    // A worker is killed and another takes its place: nothing is lost, and four live.
    for (let recycles = 1; recycles <= 3; recycles++) {
      const { pages: after } = await ask(child, 'recycle');
      for (const page of after) {
        expect(valueOn(page, 'jobs', ['worker'])).toBe(30 + 10 * recycles);
        expect(valueOn(page, 'alive')).toBe(4);
      }
    }
    expect(readdirSync(directory).filter((file) => file.endsWith('.names'))).toHaveLength(4);

    // Killed, it leaves its directory behind; the next cluster clears that away, and what is not a
    // cluster's stays.
    await kill(child);
    const foreign = join(dirname(directory), '1-not-a-directory-of-ours');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'file'), 'x');
    expect(existsSync(directory)).toBe(true);
    const next = await startCluster(temporary);
    const { pages: fresh, directory: other } = await ask(next.child, 'pages');
    expect(other).not.toBe(directory);
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(foreign)).toBe(true);
    expect(valueOn(fresh[1]!, 'jobs', ['worker'])).toBe(30);
  },
);

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { environment, temporaryDirectory } from '../multiprocess/children.ts';
import { ROOT } from '../support/modules.ts';

const isRoot = process.getuid?.() === 0;
const OTHER = 65534;

/** A process of a user that counts `work` in a directory, and says what its page shows then. */
function countAs(uid: number, directory: string, work: number, gid: number = uid): { total: number; said: string } {
  const program = `
    const { Counter, defaultRegistry } = await import('promenade');
    process.umask(0o022);
    if (process.getuid() === 0) {
      process.setgroups([${gid}]);
      process.setgid(${gid});
      process.setuid(${uid});
    }
    new Counter({ name: 'work_total', help: 'Work.' }).inc(${work});
    const page = await defaultRegistry.snapshot();
    console.log(page.families.find(({ definition }) => definition.name === 'work').values[0]);
    process.exit();`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
    env: environment(directory, { METRICS_ROLE: 'web' }),
  });
  return { total: Number(run.stdout), said: run.stderr };
}

test.runIf(isRoot).each([0o777, 0o1777])('mode %i: root and another user count in one directory', (mode) => {
  const directory = temporaryDirectory();
  fs.chmodSync(directory, mode);
  expect(countAs(0, directory, 5)).toMatchObject({ total: 5 });
  expect(countAs(OTHER, directory, 2)).toMatchObject({ total: 7 });
  expect(countAs(0, directory, 1)).toMatchObject({ total: 8 });
  expect(countAs(OTHER, directory, 1)).toMatchObject({ total: 9 });
});

test.runIf(isRoot)('mode 2775 with a common group: files are the group’s, and slots are taken over', () => {
  const directory = temporaryDirectory();
  fs.chownSync(directory, 0, 100);
  fs.chmodSync(directory, 0o2775);
  expect(countAs(0, directory, 5, 0)).toMatchObject({ total: 5 });
  expect(countAs(OTHER, directory, 2, 100)).toMatchObject({ total: 7 });
  const files = fs.readdirSync(directory).filter((file) => file.startsWith('web-'));
  expect(files.sort()).toEqual(['web-0.cells', 'web-0.names']);
  for (const file of files) {
    const { gid, mode } = fs.statSync(join(directory, file));
    expect([gid, mode & 0o777]).toEqual([100, 0o664]);
  }
});

test.runIf(isRoot)('a file that keeps a process out is named, with its owner and the cure', () => {
  const directory = temporaryDirectory();
  fs.chmodSync(directory, 0o777);
  fs.writeFileSync(join(directory, 'directory.lock'), '', { mode: 0o600 });
  const { said } = countAs(OTHER, directory, 1);
  expect(said).toContain(`${directory}/directory.lock belongs to root (uid 0), and this process (uid ${OTHER})`);
  expect(said).toContain('chmod 2775');
});

test.each(['directory.json', 'directory.lock', 'web-0.names', 'web-0.cells'])(
  'a pipe as %s does not make a start wait',
  (file) => {
    const directory = temporaryDirectory();
    execFileSync('mkfifo', [join(directory, file)]);
    const { total, said } = countAs(process.getuid?.() ?? 0, directory, 3);
    if (file === 'directory.lock') expect(said).toContain('directory.lock is not a regular file');
    else expect(total).toBe(3);
  },
);

test('a link as directory.lock is refused, and leads nowhere', () => {
  const directory = temporaryDirectory();
  const target = join(temporaryDirectory(), 'target');
  fs.symlinkSync(target, join(directory, 'directory.lock'));
  expect(countAs(process.getuid?.() ?? 0, directory, 3).said).toContain('directory.lock is not a regular file');
  expect(fs.existsSync(target)).toBe(false);
});

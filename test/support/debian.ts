import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Sees to it that Debian packages are there that tests need: whoever is root gets them installed
 * when they are missing. Elsewhere tests declared with `test.skipIf(...)` are named as not run;
 * with `CI=true` they run, and fail.
 *
 * @param isPresent Tries what the packages bring.
 * @returns for `test.skipIf`: whether the tests have to be left out.
 */
export function lacksDebianPackages(packages: readonly string[], isPresent: () => boolean): boolean {
  const available = isPresent() || (install(packages) && isPresent());
  return !available && process.env['CI'] !== 'true';
}

function install(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0) return false;
  // Test files run side by side, and apt-get waits for nobody.
  const lock = join(tmpdir(), 'promenade-apt.lock');
  const script = 'apt-get update && apt-get install --yes --no-install-recommends "$@"';
  // The daemons that come with some packages are not wanted.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  return spawnSync('flock', [lock, 'sh', '-c', script, 'sh', ...packages], { env }).status === 0;
}

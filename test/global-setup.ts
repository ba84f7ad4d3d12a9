import { spawnSync } from 'node:child_process';

/**
 * Children of the multi-process and fault tests run what ships, so `dist` is built once before any
 * test.
 */
export default function setup(): void {
  // Servers that are started for the tests end with this process: see support/servers.ts.
  process.env['PROMENADE_TEST_RUN'] = String(process.pid);
  build();
  build('-w', 'inventory');
}

/**
 * Types are what `npm test` checks before; a file that is wrong in them is emitted all the same,
 * and does not keep the tests of others from running.
 */
function build(...args: readonly string[]): void {
  spawnSync('npm', ['run', '--silent', 'build', ...args], { stdio: 'inherit' });
}

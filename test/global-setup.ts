import { execFileSync } from 'node:child_process';

/** Children of the multi-process and fault tests run what ships, so `dist` is built once before any test. */
export default function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  execFileSync('npm', ['run', '--silent', 'build', '-w', 'inventory'], { stdio: 'inherit' });
}

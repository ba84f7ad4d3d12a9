import type { RuntimeFamilies } from './runtime-families.ts';

/** Shows the version of Node.js. */
export function collectNodeVersion(families: RuntimeFamilies): void {
  const { version } = process;
  const [major = '', minor = '', patch = ''] = version.slice(1).split('.');
  families
    .info({
      name: 'nodejs_version_info',
      help: 'The version of Node.js.',
      labelNames: ['version', 'major', 'minor', 'patch'],
    })
    .set(families.labels({ version, major, minor, patch: String(Number.parseInt(patch, 10)) }));
}

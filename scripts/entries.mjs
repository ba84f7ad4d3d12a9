import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The public entries, by the name under which package.json exports them (`index` for the root), with
 * their sources: an entry is named after its file, which lies in `src/` or in `src/adapters/`.
 *
 * @returns {Record<string, string>}
 */
export function entrySources() {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => `src/${path.replaceAll(sep, '/')}`)
    .filter((path) => /^src\/([\w-]+|adapters\/.+)\.ts$/.test(path));
  const found = {};
  for (const subpath of Object.keys(exports)) {
    if (subpath === './package.json') continue;
    const name = subpath === '.' ? 'index' : subpath.slice('./'.length);
    const [source, another] = sources.filter((path) => isSourceOf(name, path));
    if (!source || another) throw new Error(`${subpath} has ${source ? 'two sources' : 'no source'}`);
    found[name] = source;
  }
  return found;
}

/** `src/NAME.ts`, `src/adapters/CATEGORY/NAME.ts` or `src/adapters/CATEGORY/NAME/NAME.ts`. */
function isSourceOf(name, path) {
  return new RegExp(`^src/(adapters/[\\w-]+/(${name}/)?)?${name}\\.ts$`).test(path);
}

/** All files below a folder of the repository, as paths from that folder with slashes. */
export function filesIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(ROOT, folder), join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .sort();
}

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import { filesIn, ROOT } from './entries.mjs';

const EMITTED = '.cache/types-of-dist';

/**
 * Emits the declarations that the entries need. They lie in `dist/types` once, as CommonJS, since
 * CommonJS may not import ES modules' types but ES modules may import CommonJS'; each entry has a
 * `.d.ts` and a `.d.cts` that hand them on. So a class is one type, however it is imported.
 *
 * @param entries the sources, by the names of the entries.
 * @param exported the names of the values that each exports.
 * @returns {Record<string, string>} the files' texts, by their paths in `dist`.
 */
export function emitTypes(entries, exported) {
  rmSync(join(ROOT, EMITTED), { recursive: true, force: true });
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const parameters = [compiler, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', EMITTED];
  const { status } = spawnSync(process.execPath, parameters, { cwd: ROOT, stdio: 'inherit' });
  const emitted = new Map(
    filesIn(EMITTED).map((name) => [name, withRealEndings(readFileSync(join(ROOT, EMITTED, name), 'utf8'))]),
  );
  if (emitted.size === 0) throw new Error(`tsc emitted nothing (${status})`);

  const files = { 'types/package.json': '{ "type": "commonjs" }\n' };
  for (const [name, source] of Object.entries(entries)) {
    const declaration = source.replace(/^src\//, '').replace(/\.ts$/, '.d.ts');
    for (const needed of reachable(declaration, emitted)) files[`types/${needed}`] = emitted.get(needed);
    const target = `./types/${declaration.replace(/\.d\.ts$/, '.js')}`;
    // `export *` leaves a default out; and tools that look for named exports beside it don't follow it.
    const named = exported[name].includes('default')
      ? `export { ${exported[name].join(', ')} } from '${target}';\n`
      : '';
    files[`${name}.d.cts`] = `export * from '${target}';\n${named}`;
    files[`${name}.d.ts`] = files[`${name}.d.cts`];
  }
  return files;
}

const SPECIFIER = /(?<=(?:from |import\(|import )['"])\.[^'"]+(?=['"])/g;

/** TypeScript before 5.7 finds no `./x.d.ts` by the name `./x.ts`. */
function withRealEndings(text) {
  return text.replace(SPECIFIER, (specifier) => specifier.replace(/\.ts$/, '.js'));
}

/** The declarations that one leads to, itself included. */
function reachable(start, emitted, found = new Set()) {
  if (found.has(start)) return found;
  const text = emitted.get(start);
  if (text === undefined) throw new Error(`${start} is imported by a declaration and was not emitted`);
  found.add(start);
  for (const [specifier] of text.matchAll(SPECIFIER)) {
    reachable(posix.join(posix.dirname(start), specifier.replace(/\.js$/, '.d.ts')), emitted, found);
  }
  return found;
}

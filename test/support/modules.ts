import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** One import statement, re-export, `import()` call or `typeof import()` type. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Whether nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

export interface Module {
  /** Below `src`, with slashes: `core/counter.ts`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/**
 * All files below a folder of the repository whose names end so, as paths from the repository's
 * root with slashes.
 */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .filter((path) => !/(^|\/)(node_modules|(inventory|bench)\/dist)\//.test(path))
    .sort();
}

/** Every module of `src`. */
export function sourceModules(): Module[] {
  return modulesBelow('src');
}

/** Every module below a folder, with paths that begin there. */
export function modulesBelow(folder: string): Module[] {
  return filesBelow(folder, '.ts').map((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return { path: file.slice(folder.length + 1), text, imports: importsOf(text) };
  });
}

/** The path below `src` that a relative import of `module` leads to. */
export function resolveImport(module: Module, specifier: string): string {
  return join(dirname(module.path), specifier).replaceAll(sep, '/');
}

const STATEMENT = /^(import|export)\s+(type\s+)?([\w$*{][^'"`;()=]*?\sfrom\s*)?(['"])([^'"\n]+)\4/gm;
const CALL = /(typeof\s+)?\bimport\s*\(\s*(['"])([^'"\n]+)\2/g;

/**
 * What a module imports, whatever way it is written. Statements must begin their line, as the
 * formatter has them.
 */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  for (const [, keyword, type, clause, , specifier] of code.matchAll(STATEMENT)) {
    if (keyword === 'export' && clause === undefined) continue;
    const names = /^\{([^}]*)\}\s*from/.exec(clause?.trim() ?? '')?.[1]?.split(',');
    const allTypes = names?.every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
    found.push({ specifier: specifier!, typeOnly: type !== undefined || allTypes });
  }
  for (const [, typeOf, , specifier] of code.matchAll(CALL)) {
    found.push({ specifier: specifier!, typeOnly: typeOf !== undefined });
  }
  return found;
}

/**
 * The same text with comments blanked out; strings and templates stay, so that `'//'` is no
 * comment.
 */
function withoutComments(text: string): string {
  const token = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[^]*?\*\//g;
  return text.replace(token, (match) => (match.startsWith('//') || match.startsWith('/*') ? ' ' : match));
}

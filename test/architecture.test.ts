import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { entrySources } from '../scripts/entries.mjs';
import {
  filesBelow,
  importsOf,
  type Module,
  resolveImport,
  ROOT,
  modulesBelow,
  sourceModules,
} from './support/modules.ts';

/**
 * Which rooms each room may import, beside itself; ARCHITECTURE.md draws it. A room is a folder (or
 * a file) of this table, and a file lies in the innermost one. Naming a room from outside names the
 * rooms inside it too.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  snapshot: [],
  'store/board.ts': [],
  'store/store.ts': ['store/board.ts', 'snapshot'],
  'store/format': ['store/board.ts', 'store/store.ts', 'snapshot'],
  'store/files': ['store/board.ts', 'store/format', 'snapshot'],
  'store/tables': ['store/store.ts', 'store/format', 'snapshot'],
  'store/reader': ['store/store.ts', 'store/board.ts', 'store/format', 'store/files', 'store/tables', 'snapshot'],
  'store/writer': ['store/store.ts', 'store/format', 'store/files', 'store/tables', 'store/reader', 'snapshot'],
  store: [
    'settings',
    'store/board.ts',
    'store/store.ts',
    'store/format',
    'store/files',
    'store/tables',
    'store/writer',
    'store/reader',
    'snapshot',
  ],
  settings: [],
  core: ['settings', 'snapshot'],
  exposition: ['snapshot'],
  compat: ['core', 'snapshot'],
  apps: ['core', 'snapshot'],
  runtime: ['core'],
  testing: ['core', 'exposition'],
  bridges: ['core', 'snapshot'],
  'prom-client': ['settings', 'core', 'exposition', 'runtime', 'snapshot'],
  'instrument/hooks': ['core'],
  'instrument/recorder-kit': ['core'],
  'instrument/sql': [],
  'instrument/http': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit'],
  'instrument/http-server': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit', 'instrument/http'],
  'instrument/http-client': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit', 'instrument/http'],
  'instrument/database': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit', 'instrument/sql'],
  'instrument/model': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit', 'instrument/sql'],
  'instrument/cache': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit'],
  'instrument/job': ['core', 'compat', 'instrument/hooks', 'instrument/recorder-kit'],
  endpoint: ['settings', 'core', 'exposition', 'apps', 'compat'],
  cli: ['settings', 'core', 'endpoint', 'exposition', 'snapshot', 'store'],
  application: ['settings', 'core', 'endpoint', 'instrument', 'runtime', 'apps'],
  adapters: ['settings', 'core', 'endpoint', 'instrument', 'application'],
};

/** Modules that everybody may import, and that import no room. */
const GROUND: readonly string[] = ['one-copy.ts', 'errors.ts', 'time-slice.ts', 'warn.ts'];

/** Rooms of one file, which lies beside the public entries. */
const ONE_FILE_ROOMS: readonly string[] = ['application'];

/** Adapters that stand on others: Nest runs on Express or Fastify. */
const STANDS_ON: Readonly<Record<string, readonly string[]>> = { 'http/nest': ['http/express', 'http/fastify'] };

interface Exception {
  readonly from: RegExp;
  readonly to: string;
  readonly typesOnly?: boolean;
  readonly because: string;
}

/** What goes past the table; docs/decisions/002-exceptions-to-the-rooms.md argues it. */
const EXCEPTIONS: readonly Exception[] = [
  { from: /^core\//, to: 'store/store.ts', typesOnly: true, because: 'the interface that both stores have' },
  { from: /^core\//, to: 'store/format/layout.ts', because: 'a handle writes its cells where the store lays them' },
  {
    from: /^core\//,
    to: 'store/tables/native-buckets.ts',
    because: 'native buckets come and go while a handle observes',
  },
  { from: /^core\/registry\.ts$/, to: 'store/heap-store.ts', because: 'the store of a registry that is given none' },
  { from: /^core\/default-registry\.ts$/, to: 'store/open-store.ts', because: 'it alone chooses the store' },
  {
    from: /^core\/default-registry\.ts$/,
    to: 'store/mapped-store.ts',
    because: 'it tells which directory it counts in',
  },
  { from: /^apps\//, to: 'store/board.ts', typesOnly: true, because: 'results that processes share are notes on it' },
  { from: /^endpoint\//, to: 'snapshot/snapshot.ts', typesOnly: true, because: 'it hands snapshots to the writers' },
  {
    from: /^instrument\/http-client\/families\.ts$/,
    to: 'instrument/http-server/families.ts',
    because: 'both sides of HTTP have the same bounds',
  },
];

/** The only packages that are loaded at run time, and who loads them. */
const PACKAGES: readonly { readonly name: string; readonly from: string }[] = [
  { name: 'koffi', from: 'store/files/load-koffi.ts' },
  { name: 'yaml', from: 'cli/web-config.ts' },
  { name: 'bcryptjs', from: 'cli/basic-users.ts' },
];

const modules: readonly Module[] = sourceModules();
const known: ReadonlyMap<string, Module> = new Map(modules.map((module) => [module.path, module]));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

/**
 * `core` for `core/counter.ts`, `store/files` for `store/files/board.ts`, `entry` for what
 * package.json exports.
 */
function roomOf(path: string): string {
  if (!path.includes('/')) {
    const room = path.slice(0, -'.ts'.length);
    return GROUND.includes(path) ? 'ground' : ONE_FILE_ROOMS.includes(room) ? room : 'entry';
  }
  if (path in ROOMS) return path;
  const inner = path.split('/').slice(0, 2).join('/');
  return inner in ROOMS ? inner : path.slice(0, path.indexOf('/'));
}

/**
 * True if the room may import the other: it is in the table, by its own name or by that of the room
 * around it.
 */
function mayImport(room: string, target: string): boolean {
  const allowed = ROOMS[room] ?? [];
  const around = target.split('/')[0]!;
  return room === target || allowed.includes(target) || (allowed.includes(around) && room.split('/')[0] !== around);
}

/** `database/pg` for `adapters/database/pg/client.ts` and for `adapters/database/pg.ts`. */
function adapterOf(path: string): string {
  const [, category, name] = path.split('/');
  return `${category}/${name!.replace(/\.ts$/, '')}`;
}

/** What package.json exports, below `src`. */
const entries: readonly string[] = Object.values(entrySources()).map((path) => path.slice('src/'.length));

/** The adapters among them. */
const adapters: readonly string[] = entries.flatMap((path) => (path.startsWith('adapters/') ? adapterOf(path) : []));

const relativeImports = modules.flatMap((module) =>
  module.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, typeOnly }) => ({ from: module.path, to: resolveImport(module, specifier), typeOnly })),
);
const packageImports = modules.flatMap((module) =>
  module.imports
    .filter(({ specifier }) => !specifier.startsWith('.'))
    .map(({ specifier }) => ({ from: module.path, specifier })),
);

describe('the scanner', () => {
  test('sees every way to import, and nothing in comments', () => {
    const imports = importsOf(`
import './a.ts';
import type { A } from './b.ts';
import { type B, type C } from './c.ts';
import {
  type D,
  e,
} from "./d.ts";
import f, * as g from './e.ts'; // import './no.ts'
export { h } from './f.ts';
export * from './g.ts';
export type { I } from './h.ts';
/* import './no.ts'; */
// import './no.ts';
export const url = 'https://example.org/';
const later = await import('./i.ts');
type Lazy = typeof import('./j.ts');
`);
    expect(imports.map(({ specifier, typeOnly }) => `${specifier[2]}${typeOnly ? ' type' : ''}`)).toEqual([
      'a',
      'b type',
      'c type',
      'd',
      'e',
      'f',
      'g',
      'h type',
      'i',
      'j type',
    ]);
  });

  test('sees the whole of src', () => {
    expect(modules.length).toBeGreaterThan(60);
    expect(relativeImports.length).toBeGreaterThan(130);
    expect(relativeImports.filter(({ to }) => !known.has(to))).toEqual([]);
    const words = modules.reduce(
      (sum, { text }) => sum + (text.match(/^(import\b|\} from |export .* from )/gm)?.length ?? 0),
      0,
    );
    expect(relativeImports.length + packageImports.length).toBeGreaterThan(words * 0.7);
  });
});

describe('the rooms', () => {
  test('every module lies in one', () => {
    const rooms = new Set([...Object.keys(ROOMS), 'ground', 'entry']);
    expect(modules.map(({ path }) => path).filter((path) => !rooms.has(roomOf(path)))).toEqual([]);
  });

  test('import each other as the table says', () => {
    const used = new Set<Exception>();
    const offences = relativeImports.filter(({ from, to, typeOnly }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      if (target === 'ground' || room === 'entry' || mayImport(room, target)) return false;
      const exception = EXCEPTIONS.find((one) => one.from.test(from) && one.to === to && (!one.typesOnly || typeOnly));
      if (exception) used.add(exception);
      return !exception;
    });
    expect(offences).toEqual([]);
    expect(EXCEPTIONS.filter((exception) => !used.has(exception))).toEqual([]);
  });

  test('no adapter imports another', () => {
    const offences = relativeImports.filter(
      ({ from, to }) =>
        roomOf(from) === 'adapters' &&
        roomOf(to) === 'adapters' &&
        adapterOf(from) !== adapterOf(to) &&
        !STANDS_ON[adapterOf(from)]?.includes(adapterOf(to)),
    );
    expect(offences).toEqual([]);
  });

  test('nothing but Node and the declared dependencies is imported, where it is said', () => {
    const foreign = packageImports.filter(({ specifier }) => !isBuiltin(specifier));
    expect(
      foreign.filter(({ from, specifier }) => !PACKAGES.some((one) => one.name === specifier && one.from === from)),
    ).toEqual([]);
    expect(Object.keys(manifest.dependencies).sort()).toEqual(PACKAGES.map(({ name }) => name).sort());
    expect(packageImports.length).toBeGreaterThan(30);
  });

  test.each([
    ['src', 200],
    ['bench/src', 30],
    ['inventory/src', 30],
  ])('there is no circle of files in %s, type-only imports included', (folder, least) => {
    const { modules: seen, edges, circles } = circlesIn(folder);
    process.stdout.write(`${folder}: ${seen} files, ${edges} imports, ${circles.length} circles\n`);
    expect(circles).toEqual([]);
    expect(seen).toBeGreaterThan(least);
    expect(edges).toBeGreaterThan(least);
  });

  test('a circle would be found', () => {
    const edges = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ]);
    expect(findCircles(edges)).toEqual(['b → d → b']);
  });
});

/** Where files of a folder import each other in a circle. */
function circlesIn(folder: string): { modules: number; edges: number; circles: string[] } {
  const all = modulesBelow(folder);
  const paths = new Set(all.map(({ path }) => path));
  const edges = new Map(
    all.map((module) => [
      module.path,
      module.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => resolveImport(module, specifier))
        .filter((path) => paths.has(path)),
    ]),
  );
  const count = [...edges.values()].reduce((sum, targets) => sum + targets.length, 0);
  return { modules: all.length, edges: count, circles: findCircles(edges) };
}

/** Returns one path for each circle that a walk over all edges meets. */
function findCircles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return circles;
}

describe('names', () => {
  test('files are in kebab case, and nothing is exported as default', () => {
    expect(
      modules
        .map(({ path }) => path)
        .filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path)),
    ).toEqual([]);
    expect(modules.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('index.ts is only what package.json exports', () => {
    expect(modules.map(({ path }) => path).filter((path) => /(^|\/)index\.ts$/.test(path))).toEqual(['index.ts']);
  });
});

describe('the public entries', () => {
  test('package.json exports every entry, and nothing else', () => {
    const isEntry = (path: string): boolean => roomOf(path) === 'entry';
    expect(entries.filter((path) => !known.has(path))).toEqual([]);
    expect(modules.map(({ path }) => path).filter((path) => isEntry(path) && !entries.includes(path))).toEqual([]);
    expect(entries.filter((path) => !isEntry(path) && roomOf(path) !== 'adapters')).toEqual([]);
    expect(entries.length).toBeGreaterThanOrEqual(3);
  });

  test('a subpath is named after its file, and has both module systems', () => {
    for (const [name, source] of Object.entries(entrySources())) {
      expect(source).toMatch(new RegExp(`/${name}\\.ts$`));
      expect(manifest.exports[name === 'index' ? '.' : `./${name}`]).toEqual({
        import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
        require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
      });
    }
    expect(Object.keys(manifest.exports).length).toBe(entries.length + 1);
  });

  test('every adapter has its page, and every page its adapter', () => {
    const found = modules.flatMap(({ path }) =>
      roomOf(path) === 'adapters' && path !== 'adapters/catalogue.ts' ? adapterOf(path) : [],
    );
    const pages = filesBelow('docs/adapters', '.md')
      .map((path) => path.slice('docs/adapters/'.length, -'.md'.length))
      // The index, which has a test of its own.
      .filter((name) => name !== 'README')
      .sort();
    expect([...new Set(found)].sort()).toEqual(pages);
    expect([...adapters].sort()).toEqual(pages);
    expect(pages.length).toBeGreaterThanOrEqual(2);
  });
});

describe('the error codes', () => {
  test('docs/guide/errors.md lists each, and no other', () => {
    const declared = [...(known.get('errors.ts')?.text.matchAll(/'(ERR_METRICS_[A-Z_]+)'/g) ?? [])].map(
      ([, code]) => code!,
    );
    const page = readFileSync(join(ROOT, 'docs/guide/errors.md'), 'utf8');
    const documented = [...page.matchAll(/^\|\s*`(ERR_METRICS_[A-Z_]+)`/gm)].map(([, code]) => code!);
    expect(documented.sort()).toEqual(declared.sort());
    expect(documented.length).toBeGreaterThanOrEqual(9);
    const mentioned = modules.flatMap(({ text }) => text.match(/ERR_METRICS_[A-Z_]+/g) ?? []);
    expect(declared.filter((code) => mentioned.filter((other) => other === code).length < 2)).toEqual([]);
  });
});

test('ARCHITECTURE.md names every room', () => {
  const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const rooms = new Set(modules.map(({ path }) => roomOf(path).split('/')[0]!).filter((room) => room in ROOMS));
  expect([...rooms].filter((room) => !new RegExp(`\\b${room}\\b`).test(page))).toEqual([]);
  expect(existsSync(join(ROOT, 'docs/decisions/002-exceptions-to-the-rooms.md'))).toBe(true);
});

// Builds `dist`: every entry as an ES module, as a CommonJS module and with its types, the command,
// and the chunks that they share. docs/decisions/120-two-module-systems.md says why it is so.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { oneCopyPlugin } from './one-copy-plugin.mjs';
import { entrySources, filesIn, ROOT } from './entries.mjs';
import { emitTypes } from './types.mjs';

/**
 * The shared chunks, by rooms. Rooms import downwards only, so chunks that are made of them don't
 * import each other in circles. What few entries share and no group has gets a chunk by itself.
 */
const CHUNKS = {
  core: /^src\/((errors|time-slice)\.ts$|(snapshot|store|settings|core|apps)\/)/,
  page: /^src\/(exposition|endpoint)\//,
  instrument: /^src\/(compat|instrument\/(hooks|recorder-kit))\//,
  http: /^src\/(application\.ts$|(runtime|instrument\/(http|http-server))\/)/,
  'http-client': /^src\/instrument\/http-client\//,
  sql: /^src\/instrument\/(database|model|sql)\//,
  cache: /^src\/instrument\/cache\//,
  job: /^src\/instrument\/job\//,
  'prom-client-api': /^src\/prom-client\//,
};

/** The module that keeps what copies share: every file imports it, and it is a file by itself. */
const HOME = 'src/one-copy.ts';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const entries = entrySources();

/** Rolls all entries up into one module format. */
async function bundle(format, input, build) {
  const ending = format === 'es' ? 'js' : 'cjs';
  const bundled = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(Object.entries(input).map(([name, path]) => [name, join(ROOT, path)])),
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    // An unknown option, an unresolved import, a circle: nothing of that kind is shipped.
    onLog(level, log) {
      throw new Error(`${level}: ${log.message}`);
    },
    plugins: [oneCopyPlugin({ format, build, version })],
  });
  const { output } = await bundled.generate({
    dir: join(ROOT, 'dist'),
    format,
    exports: 'named',
    entryFileNames: `[name].${ending}`,
    chunkFileNames: `chunks/[name].${ending}`,
    minify: false,
    minifyInternalExports: false,
    comments: { legal: true, annotation: true, jsdoc: false },
    codeSplitting: {
      groups: Object.entries(CHUNKS).map(([name, pattern], index) => ({
        name,
        priority: 100 - index,
        test: (id) => pattern.test(id.slice(ROOT.length)),
      })),
    },
  });
  await bundled.close();
  return output;
}

/** Writes what differs, and removes what is no longer built: readers never find a file missing. */
function write(files) {
  const dist = join(ROOT, 'dist');
  mkdirSync(dist, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const path = join(dist, name);
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const name of filesIn('dist')) if (!(name in files)) rmSync(join(dist, name));
}

/** The digest of all sources: builds of the same sources are one build. */
function digestOfSources() {
  const hash = createHash('sha256');
  for (const name of filesIn('src')) hash.update(name).update(readFileSync(join(ROOT, 'src', name)));
  return hash.digest('hex').slice(0, 16);
}

const build = digestOfSources();
const modules = await bundle('es', { ...entries, 'cli/main': 'src/cli/main.ts', 'chunks/one-copy': HOME }, build);
const commonJs = await bundle('cjs', { ...entries, 'chunks/one-copy': HOME }, build);
const types = emitTypes(entries, Object.fromEntries(modules.map(({ name, exports }) => [name, exports])));
write({ ...Object.fromEntries([...modules, ...commonJs].map(({ fileName, code }) => [fileName, code])), ...types });
chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);

// Writes from src/adapters/catalogue.ts what is told of the adapters elsewhere: the exports of
// package.json and the tables of docs/adapters/README.md. `npm run catalogue`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'rolldown';
import { ROOT } from './entries.mjs';

const INDEX = 'docs/adapters/README.md';

/** The headings of the tables, by category or section. */
const HEADINGS = {
  http: 'Frameworks',
  'http-client': 'Outgoing requests',
  database: 'Databases',
  model: 'Models',
  cache: 'Caches',
  job: 'Background jobs',
  tracing: 'Tracing',
};

/** Sources beside the public entries that are none. */
const NO_ENTRIES = ['application', 'errors', 'one-copy', 'time-slice', 'warn'];

/** The catalogue, which Node 20 can't read as it is. */
export async function readCatalogue() {
  const file = join(ROOT, '.cache/built/catalogue.mjs');
  await build({ input: join(ROOT, 'src/adapters/catalogue.ts'), output: { file, format: 'es' }, logLevel: 'silent' });
  const { ADAPTERS } = await import(`${pathToFileURL(file).href}?${Date.now()}`);
  return ADAPTERS;
}

/** The texts of the files that are written from the catalogue, by their paths. */
export async function generated() {
  const adapters = await readCatalogue();
  return { 'package.json': manifestWith(adapters), [INDEX]: indexWith(adapters) };
}

function manifestWith(adapters) {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const plain = readdirSync(join(ROOT, 'src'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .filter((name) => name !== 'index' && !NO_ENTRIES.includes(name));
  const names = ['index', ...[...plain, ...adapters.map(({ name }) => name)].sort((a, b) => (a < b ? -1 : 1))];
  manifest.exports = Object.fromEntries(
    names.map((name) => [
      name === 'index' ? '.' : `./${name}`,
      {
        import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
        require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
      },
    ]),
  );
  manifest.exports['./package.json'] = './package.json';
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function indexWith(adapters) {
  let text = readFileSync(join(ROOT, INDEX), 'utf8');
  for (const [section, heading] of Object.entries(HEADINGS)) {
    const rows = adapters.filter((adapter) => (adapter.section ?? adapter.category) === section).map(rowOf);
    const table = new RegExp(`(\n## ${heading}\n(?:(?!\n## )[^|])*)(?:\\|[^\n]*\n)+`);
    if (!table.test(text)) throw new Error(`${INDEX} has no table under ${heading}`);
    text = text.replace(table, (_whole, before) => before + tableOf([['adapter', 'for', 'from'], ...rows]));
  }
  return text;
}

function rowOf({ name, category, measures, from, libraries }) {
  const main = libraries.filter(({ library }) => library === libraries[0].library);
  const first = main.map((range) => range.from.replace(/\.0$/, '')).join(', ');
  return [`[\`promenade/${name}\`](${category}/${name}.md)`, measures, from ?? first];
}

/** A Markdown table, as the formatter has it. */
function tableOf([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(await generated())) writeFileSync(join(ROOT, path), text);
}

// npm run new-adapter <name> <category>: starts an adapter. Makes its source, its test and its page
// and enters it in the catalogue; what compiles, and fails only where there is something to write.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { ROOT } from './entries.mjs';

const CONTRACTS = {
  http: 'http-server',
  database: 'database',
  model: 'model',
  cache: 'cache',
  job: 'job',
};
const GUIDES = { http: 'http-server', database: 'databases', model: 'models', cache: 'caches', job: 'jobs' };
const CATALOGUE = 'src/adapters/catalogue.ts';

const [name, category] = process.argv.slice(2);
if (!/^[a-z][a-z0-9-]*$/.test(name ?? '') || !(category in CONTRACTS)) {
  fail(`usage: npm run new-adapter <name> <category>
  <name>      the library's name in kebab case, which becomes promenade/<name>
  <category>  one of ${Object.keys(CONTRACTS).join(', ')}`);
}

const pascal = name.replace(/(^|-)(.)/g, (_whole, _dash, letter) => letter.toUpperCase());
const instrument = `instrument${pascal}`;

const httpSource = `import { type ApplicationOptions, startApplicationMetrics } from '../../application.ts';

/** The part of a ${name} application that is used. */
export interface ${pascal}ApplicationLike {
  // Write: the members that the adapter calls or wraps.
  readonly write?: never;
}

/** Settings, what the application contributes, and how HTTP is measured. */
export type ${pascal}PromenadeOptions = ApplicationOptions<unknown>;

/** The metrics of a ${name} application. */
export interface ${pascal}Promenade {
  /** Stops measuring, and closes the listener on METRICS_PORT. Idempotent. */
  close(): Promise<void>;
}

/**
 * Metrics for a ${name} application: serves METRICS_PATH, and measures every request.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings.
 */
export function promenade(_app: ${pascal}ApplicationLike, options: ${pascal}PromenadeOptions = {}): ${pascal}Promenade {
  const metrics = startApplicationMetrics<unknown>(options);
  if (metrics === undefined) return { close: async () => {} };
  // Write: the page by metrics.endpoint, routes by exchangeOf(request).
  void metrics.listen();
  return { close: () => metrics.close() };
}
`;

const instrumentSource = `import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';

export { type InstrumentOptions, uninstrument };

/** The part of ${name} that is used. */
export interface ${pascal}Like {
  // Write: the members that the adapter calls or wraps.
  readonly write?: never;
}

/**
 * Measures one instance of ${name}.
 *
 * @returns the instance. Twice is once; \`uninstrument()\` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of one of the
 *   names.
 */
export function ${instrument}<T extends ${pascal}Like>(target: T, options: InstrumentOptions = {}): T {
  return attach(target, '${name}', options, () => {
    // Write: get the category's recorder of the instrumentation, hook the target, return what unhooks.
    return () => {};
  });
}
`;

const call = category === 'http' ? 'promenade' : instrument;
const test = `import { expect, test } from 'vitest';
import { ${call} } from '../../../src/adapters/${category}/${name}.ts';

// Write: ${CONTRACTS[category]}Contract of test/contracts/${CONTRACTS[category]}.contract.ts, against
// the real ${name} at both ends of the range in the catalogue; then delete this test.
test('runs the contract suite of its category', () => {
  expect(${call}).toBeTypeOf('function');
  expect.fail('the contract suite is still to be run');
});
`;

const page = `# ${name}

Write: which versions, how to turn it on, what the page has, what can't be measured.

\`\`\`ts
import { ${call} } from 'promenade/${name}';

export const start = ${call};
\`\`\`

[The guide](../../guide/${GUIDES[category]}.md) has all families and what they mean.
`;

const files = {
  [`src/adapters/${category}/${name}.ts`]: category === 'http' ? httpSource : instrumentSource,
  [`test/adapters/${category}/${name}.test.ts`]: test,
  [`docs/adapters/${category}/${name}.md`]: page,
};
for (const path of Object.keys(files)) if (existsSync(join(ROOT, path))) fail(`${path} exists`);

const catalogue = readFileSync(join(ROOT, CATALOGUE), 'utf8');
const last = catalogue.lastIndexOf(`category: '${category}'`);
const end = catalogue.indexOf('\n  },\n', last) + '\n  },\n'.length;
const row = `  {\n    name: '${name}',\n    category: '${category}',\n    measures: '${name}',\n    from: '-',\n    libraries: [],\n  },\n`;
files[CATALOGUE] = catalogue.slice(0, end) + row + catalogue.slice(end);

for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), text);
  process.stdout.write(`${path}\n`);
}
const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts/catalogue.mjs')], { stdio: 'inherit' });
if (status !== 0) fail('the catalogue could not be written on');
process.stdout.write('package.json\ndocs/adapters/README.md\n');

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

import assert from 'node:assert/strict';

/** The samples of a page in text 0.0.4: by name and sorted labels. */
export type Samples = ReadonlyMap<string, number>;

const SAMPLE = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Labels that OpenTelemetry adds to every sample. */
const EXTRA = /^otel_scope_/;

/**
 * Reads a page. `families`: the beginnings of the names that count, so that a library's own
 * families don't.
 */
export function readPage(text: string, families: readonly string[]): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
    if (!families.some((family) => name!.startsWith(family))) continue;
    const pairs = [...labels.matchAll(LABEL)].filter(([, label]) => !EXTRA.test(label!));
    const key = `${name} ${pairs
      .map(([, label, content]) => `${label}=${label === 'le' ? toNumber(content!) : content}`)
      .sort()
      .join(',')}`;
    assert(!samples.has(key), `twice on the page: ${key}`);
    samples.set(key, toNumber(value!));
  }
  return samples;
}

/**
 * Asserts that two pages say the same; sums may differ by rounding, which the order of additions
 * decides.
 */
export function assertSamePage(name: string, page: Samples, expected: Samples): void {
  assert(expected.size > 0, 'an empty page proves nothing');
  assert.deepEqual([...page.keys()].sort(), [...expected.keys()].sort(), `${name}: other series`);
  for (const [key, value] of expected) {
    const got = page.get(key)!;
    assert(Math.abs(got - value) <= 1e-9 * Math.abs(value), `${name}: ${key} is ${got}, expected ${value}`);
  }
}

function toNumber(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { formatCanonicalBound } from '../../src/exposition/numbers.ts';
import type { FamilySnapshot } from '../../src/snapshot/snapshot.ts';
import { pages } from '../exposition/pages.ts';
import { expectNoDuplicates } from '../support/duplicates.ts';
import { expectPromtoolAccepts, noForeignParsers, parseWithPython, runPython } from '../support/foreign-parsers.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';

const text = negotiate('text/plain;version=0.0.4');
const openMetrics = negotiate('application/openmetrics-text;version=1.0.0');

test('there are pages to judge', () => expect(Object.keys(pages).length).toBeGreaterThanOrEqual(9));

describe.each(Object.entries(pages))('%s', (_name, page) => {
  const families = page.snapshot.families.map(({ definition }) => definition.name);

  test('has nothing twice', () => {
    expectNoDuplicates(page.text);
    expectNoDuplicates(page.openMetrics);
  });

  test.skipIf(noForeignParsers)('is accepted by promtool', () => expectPromtoolAccepts(page.text));

  test.skipIf(noForeignParsers)("is read by Python's text parser", async () => {
    const parsed = await parseWithPython(page.text, 'text');
    expect(parsed).toHaveLength(families.length);
    expect(parsed.reduce((sum, family) => sum + family.samples.length, 0)).toBe(samplesIn(page.text));
  });

  test.skipIf(noForeignParsers)("is read by Python's strict OpenMetrics parser", async () => {
    const parsed = await parseWithPython(page.openMetrics, 'openmetrics');
    expect(parsed.map(({ name }) => name)).toEqual(families);
    expect(parsed.map(({ type }) => type)).toEqual(page.snapshot.families.map(({ definition }) => definition.type));
    expect(parsed.map(({ help }) => help)).toEqual(page.snapshot.families.map(({ definition }) => definition.help));
    expect(parsed.map(({ unit }) => unit)).toEqual(page.snapshot.families.map(({ definition }) => definition.unit));
    expect(parsed.reduce((sum, family) => sum + family.samples.length, 0)).toBe(samplesIn(page.openMetrics));
  });
});

function samplesIn(page: string): number {
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

describe('whatever the labels and values', () => {
  const labelValue = fc
    .oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom('\\', '"', '\n', ',', '{', '}', '=', '#')).map((x) => x.join('')),
    )
    .map((value) => value.toWellFormed());
  const gauge = fc
    .uniqueArray(fc.tuple(labelValue, labelValue), { selector: (labels) => JSON.stringify(labels), minLength: 1 })
    .chain((labels) => fc.tuple(...labels.map((pair) => fc.record({ labels: fc.constant(pair), value: fc.double() }))))
    .map((series) =>
      familyOf(
        { name: 'gauge', type: 'gauge', labelNames: ['a', 'b'] },
        series.map(({ labels, value }) => ({ labels, values: [value] })),
      ),
    );
  // One page a sample, and all of them in one program: starting it takes longer than reading.
  const families: FamilySnapshot[] = fc
    .sample(gauge, { numRuns: 200, seed: 7 })
    .map((family, i) => ({ ...family, definition: { ...family.definition, name: `random_${i}` } }));
  const snapshot = snapshotOf(...families);
  const expected = families.flatMap(({ definition, series, values }) =>
    series.map(([a, b], i) => ({ name: definition.name, labels: { a, b }, value: values[i]! + 0 })),
  );

  test.skipIf(noForeignParsers)('promtool accepts the page', () =>
    expectPromtoolAccepts([...text.render(snapshot)].join('')),
  );

  test.skipIf(noForeignParsers).each([
    ['text', text],
    ['openmetrics', openMetrics],
  ] as const)("Python's parser reads them as they were: %s", async (format, exposition) => {
    const parsed = await parseWithPython([...exposition.render(snapshot)].join(''), format);
    expect(parsed.flatMap(({ samples }) => samples)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(500);
  });
});

test.skipIf(noForeignParsers)("bounds are printed as Python's client prints them", async () => {
  // Its way of writing exponents holds for positive numbers below 1e+10.
  const bounds = fc.sample(fc.double({ min: 1e-9, max: 9e9, noNaN: true }), { numRuns: 2_000, seed: 7 });
  const program = `
import json, sys
from prometheus_client.utils import floatToGoString
print(json.dumps([floatToGoString(float(x)) for x in json.load(sys.stdin)]))
`;
  const printed = JSON.parse(await runPython(program, JSON.stringify(bounds.map(String)))) as string[];
  expect(bounds.map(formatCanonicalBound)).toEqual(printed);
});

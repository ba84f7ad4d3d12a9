import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { quantileOf } from '../../src/snapshot/quantile.ts';
import { type FamilyDefinition, type Snapshot, strideOf } from '../../src/snapshot/snapshot.ts';
import { seriesKey } from '../../src/testing/page.ts';
import { parsePage } from '../../src/testing.ts';
import { faultyLines } from '../exposition/open-metrics-2-grammar.ts';
import { pages } from '../exposition/pages.ts';
import { decodeProtobuf, samplesOf } from '../support/protobuf.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';

/** Samples as text 0.0.4 has them, by `seriesKey`. */
type Samples = ReadonlyMap<string, number>;

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';

function render(snapshot: Snapshot, accept: string): string {
  return [...negotiate(accept).render(snapshot)].map(String).join('');
}

/** What a page should say, from the snapshot alone. */
function expectedOf({ families }: Snapshot): Samples {
  const samples = new Map<string, number>();
  for (const { definition, series, values, sparse } of families) {
    const stride = strideOf(definition);
    for (const [i, labelValues] of series.entries()) {
      const labels = Object.fromEntries(definition.labelNames.map((name, k) => [name, labelValues[k]!]));
      const numbers = [...values.subarray(i * stride, (i + 1) * stride)];
      for (const [suffix, value, own] of linesOf(definition, numbers, (q) => quantileOf(sparse![i]!, q))) {
        samples.set(seriesKey(definition.name + suffix, { ...labels, ...own }), value + 0);
      }
    }
  }
  return samples;
}

type Line = readonly [suffix: string, value: number, own?: Readonly<Record<string, string>>];

function linesOf(definition: FamilyDefinition, numbers: readonly number[], quantile: (q: number) => number): Line[] {
  switch (definition.type) {
    case 'counter':
      return [['_total', numbers[0]!]];
    case 'info':
      return [['_info', numbers[0]!]];
    case 'stateset':
      return definition.states!.map((state, i) => ['', numbers[i]!, { [definition.name]: state }]);
    case 'histogram': {
      const counts = numbers.slice(1).map((_, i) => numbers.slice(1, i + 2).reduce((a, b) => a + b, 0));
      const bounds = [...definition.bounds!.map(String), '+Inf'];
      return [
        ...bounds.map((le, i): Line => ['_bucket', counts[i]!, { le }]),
        ['_sum', numbers[0]!],
        ['_count', counts.at(-1)!],
      ];
    }
    case 'summary':
      return definition.quantiles!.map((q): Line => ['', quantile(q), { quantile: String(q) }]);
    default:
      return [['', numbers[0]!]];
  }
}

function samplesOfText(page: string): Samples {
  const all = [...parsePage(page).families.values()].flatMap(({ samples }) => samples);
  return new Map(all.map(({ name, labels, value }) => [seriesKey(name, labels), value + 0]));
}

function samplesOfProtobuf(snapshot: Snapshot): Samples {
  const samples = samplesOf(decodeProtobuf(negotiate(PROTOBUF).render(snapshot)));
  return new Map([...samples].map(([key, value]) => [key.replace('["le","Infinity"]', '["le","+Inf"]'), value]));
}

/** OpenMetrics 2.0 has one line a series: its parts are taken for lines of their own. */
function samplesOfOpenMetrics2(page: string): Samples {
  expect(faultyLines(page)).toEqual([]);
  const samples = new Map<string, number>();
  for (const line of page.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
    const [, series, value] = /^(.*) (\S+)$/su.exec(line.replace(/ st@\S+$/, ''))!;
    const [sample] = [...parsePage(`${series} 0\n`).families.values()][0]!.samples;
    const { name, labels } = sample!;
    const put = (suffix: string, text: string, own = {}): void =>
      void samples.set(seriesKey(name + suffix, { ...labels, ...own }), Number(text.replace('Inf', 'Infinity')) + 0);
    if (!value!.startsWith('{')) put('', value!);
    const listOf = (field: string): string[] =>
      new RegExp(`${field}:\\[([^\\]]*)\\]`).exec(value!)?.[1]!.split(',').filter(Boolean) ?? [];
    for (const [le, count] of listOf('bucket').map((pair) => pair.split(':'))) {
      put('_bucket', count!, { le: le === '+Inf' ? le : String(Number(le)) });
    }
    for (const [q, number] of listOf('quantile').map((pair) => pair.split(':')))
      put('', number!, { quantile: String(Number(q)) });
    const [, count, sum] = /count:([^,]*),sum:([^,]*)/.exec(value!) ?? [];
    if (count !== undefined) {
      put('_count', count);
      put('_sum', sum!);
    }
  }
  return samples;
}

/**
 * A summary's sum and count are compared among the formats; what they are to be the snapshot does
 * not say in so many words.
 */
function without(samples: Samples, suffixes: RegExp): Samples {
  return new Map([...samples].filter(([key]) => !suffixes.test((JSON.parse(key) as [string])[0])));
}

function expectAgreement(snapshot: Snapshot): void {
  const text = samplesOfText(render(snapshot, 'text/plain;version=0.0.4'));
  const summaries = snapshot.families.filter(({ definition }) => definition.type === 'summary');
  const noTotals = new RegExp(`^(${summaries.map(({ definition }) => definition.name).join('|')})_(sum|count)$`);
  expect(summaries.length === 0 ? text : without(text, noTotals)).toEqual(expectedOf(snapshot));
  expect(samplesOfText(render(snapshot, 'text/plain;version=1.0.0'))).toEqual(text);
  expect(samplesOfProtobuf(snapshot)).toEqual(text);
  expect(samplesOfOpenMetrics2(render(snapshot, 'application/openmetrics-text;version=2.0.0'))).toEqual(text);
  // OpenMetrics 1.0 has no sum where values can be negative.
  const falling = snapshot.families.filter(({ definition }) => (definition.bounds?.[0] ?? 0) < 0);
  const noSums = new RegExp(`^(${falling.map(({ definition }) => definition.name).join('|')})_(sum|count)$`);
  expect(samplesOfText(render(snapshot, 'application/openmetrics-text;version=1.0.0'))).toEqual(
    falling.length === 0 ? text : without(text, noSums),
  );
}

describe('all formats say what the snapshot says', () => {
  test.each(Object.entries(pages))('%s', (_name, { snapshot }) => expectAgreement(snapshot));

  test('whatever the families', () => {
    const label = fc.string({ unit: 'binary', maxLength: 5 }).map((text) => text.toWellFormed());
    const count = fc.oneof(fc.nat(), fc.constant(0), fc.constant(2 ** 40));
    const number = fc.double();
    const numbersOf = {
      counter: fc.tuple(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
      gauge: fc.tuple(number),
      unknown: fc.tuple(number),
      info: fc.constant([1]),
      stateset: fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 1)),
      histogram: fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), count, count, count),
    } as const;
    const family = fc.constantFrom(...(Object.keys(numbersOf) as (keyof typeof numbersOf)[])).chain((type) =>
      fc.record({
        type: fc.constant(type),
        bounds: fc.uniqueArray(
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
          { minLength: 2, maxLength: 2 },
        ),
        series: fc.uniqueArray(fc.record({ labels: fc.tuple(label, label), values: numbersOf[type] }), {
          selector: ({ labels }) => JSON.stringify(labels),
          maxLength: 3,
        }),
      }),
    );
    let seen = 0;
    fc.assert(
      fc.property(fc.array(family, { maxLength: 4 }), (families) => {
        const made = families.map(({ type, bounds, series }, i) =>
          familyOf(
            {
              name: `f${i}`,
              type,
              labelNames: ['a', 'b'],
              ...(type === 'histogram' && { bounds: bounds.toSorted((x, y) => x - y) }),
              ...(type === 'stateset' && { states: ['on', 'off "x"'] }),
            },
            series,
          ),
        );
        seen += made.reduce((sum, { series }) => sum + series.length, 0);
        expectAgreement(snapshotOf(...made));
      }),
      { numRuns: 150 },
    );
    expect(seen).toBeGreaterThan(100);
  });
});

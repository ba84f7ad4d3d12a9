import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeFamilyName, escapeLabelName, type EscapingScheme } from '../../src/exposition/name-escaping.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import type { Exemplar } from '../../src/snapshot/exemplar.ts';
import type { FamilyDefinition, FamilySnapshot, Snapshot } from '../../src/snapshot/snapshot.ts';
import { parsePage } from '../../src/testing.ts';
import { pages } from '../exposition/pages.ts';
import { expectNoDuplicates } from '../support/duplicates.ts';
import { noForeignParsers, parseWithPython, runPython } from '../support/foreign-parsers.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0';

function render(snapshot: Snapshot, accept: string, createdSamples = false): string {
  return [...negotiate(accept, { createdSamples }).render(snapshot)].map(String).join('');
}

/** What Python's strict parser finds of exemplars, by the sample's name and value. */
const EXEMPLARS = `
import json, sys
from prometheus_client.openmetrics import parser
text = sys.stdin.buffer.read().decode('utf-8')
print(json.dumps([[s.name, s.value, s.exemplar.labels, s.exemplar.value, float(s.exemplar.timestamp)]
  for family in parser.text_string_to_metric_families(text) for s in family.samples if s.exemplar]))
`;

describe('exemplars', () => {
  const at = (place: number, value: number, labels: Exemplar['labels']): Exemplar => ({
    place,
    labels,
    value,
    timestamp: 1_700_000_000.125,
  });
  const snapshot = snapshotOf(
    {
      ...familyOf({ name: 'jobs', type: 'counter', labelNames: ['k'] }, [
        { labels: ['a'], values: [3] },
        { labels: ['b'], values: [4] },
      ]),
      exemplars: [[at(0, 2, { trace_id: 'é"\\\n' })], []],
    },
    {
      ...familyOf({ name: 'size', type: 'histogram', bounds: [1, 10] }, [{ values: [12, 1, 0, 2] }]),
      exemplars: [[at(0, 0.5, {}), at(2, 99, { trace_id: 'x', span_id: 'y' })]],
    },
  );
  const expected = [
    ['jobs_total', 3, { trace_id: 'é"\\\n' }, 2, 1_700_000_000.125],
    ['size_bucket', 1, {}, 0.5, 1_700_000_000.125],
    ['size_bucket', 3, { trace_id: 'x', span_id: 'y' }, 99, 1_700_000_000.125],
  ];

  test('stand in OpenMetrics behind their counter and bucket', () => {
    const samples = [...parsePage(render(snapshot, OPEN_METRICS)).families.values()].flatMap(({ samples: all }) => all);
    const found = samples.flatMap(({ name, value, exemplar }) =>
      exemplar ? [[name, value, exemplar.labels, exemplar.value, exemplar.timestamp]] : [],
    );
    expect(found).toEqual(expected);
  });

  test.skipIf(noForeignParsers)("are read by Python's strict parser", async () => {
    const found = JSON.parse(await runPython(EXEMPLARS, render(snapshot, OPEN_METRICS))) as unknown;
    expect(found).toEqual(expected);
  });

  test.each(['text/plain;version=0.0.4', 'text/plain;version=1.0.0'])('are on no page of %s', (accept) => {
    expect(render(snapshot, accept)).not.toContain('trace_id');
  });

  test('are looked for on each scrape anew', () => {
    const families = snapshot.families.map(({ definition, series, values }) => ({ definition, series, values }));
    expect(render({ ...snapshot, families }, OPEN_METRICS)).not.toContain(' # {');
    expect(render(snapshot, OPEN_METRICS)).toContain(' # {trace_id="x",span_id="y"} 99 1700000000.125');
  });
});

describe('_created', () => {
  test.each(Object.entries(pages))('%s: one a series of what only rises, the rest as before', (_name, page) => {
    const created = render(page.snapshot, OPEN_METRICS, true);
    const lines = created.split('\n').filter((line) => /^\w+_created[ {]/.test(line));
    const rising = page.snapshot.families.filter(({ definition }) => /counter|histogram|summary/.test(definition.type));
    expect(lines).toHaveLength(rising.reduce((sum, { series }) => sum + series.length, 0));
    expect(lines.every((line) => line.endsWith(' 1700000000'))).toBe(true);
    expect(created.replaceAll(/^\w+_created[ {].*\n/gm, '')).toBe(page.openMetrics);
    expectNoDuplicates(created);
    for (const accept of ['text/plain;version=0.0.4', 'text/plain;version=1.0.0']) {
      expect(render(page.snapshot, accept, true)).toBe(render(page.snapshot, accept));
    }
  });

  test.skipIf(noForeignParsers).each(Object.entries(pages))("Python's strict parser takes %s", async (_name, page) => {
    const parsed = await parseWithPython(render(page.snapshot, OPEN_METRICS, true), 'openmetrics');
    expect(parsed.map(({ name }) => name)).toEqual(page.snapshot.families.map(({ definition }) => definition.name));
  });
});

describe('names of any characters', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', '.', '_', ':', '"', '\\', '\n', 'é', '😀', ' ', '{', '#', '1'),
    minLength: 1,
    maxLength: 6,
  });
  const any = fc.record({
    definition: fc
      .record({ name, type: fc.constantFrom<FamilyDefinition['type']>('counter', 'gauge', 'info'), label: name })
      .filter(({ name: text, type, label }) => type !== 'gauge' || !/_(total|info|created)$/.test(text + label)),
    value: fc.string({ unit: 'binary', maxLength: 4 }).map((text) => text.toWellFormed()),
    number: fc.integer({ min: 1, max: 9 }),
  });

  const familyFrom = ({
    definition: { name: text, type, label },
    value,
    number,
  }: typeof any extends fc.Arbitrary<infer T> ? T : never): FamilySnapshot =>
    familyOf({ name: text, type, help: '', labelNames: [label] }, [
      { labels: [value], values: [type === 'info' ? 1 : number] },
    ]);

  test.each<EscapingScheme>(['allow-utf-8', 'underscores', 'dots', 'values'])(
    'are read back under %s, in each text format',
    (scheme) => {
      fc.assert(
        fc.property(any, (input) => {
          const family = familyFrom(input);
          const suffix = { counter: '_total', info: '_info' }[input.definition.type as string] ?? '';
          const expected = {
            name: escapeFamilyName(family.definition, scheme) + suffix,
            labels: { [escapeLabelName(input.definition.label, scheme)]: input.value },
            value: family.values[0],
          };
          for (const accept of ['text/plain;version=1.0.0', OPEN_METRICS]) {
            const page = render(snapshotOf(family), `${accept};escaping=${scheme}`);
            expect([...parsePage(page).families.values()].flatMap(({ samples }) => samples)).toEqual([expected]);
          }
        }),
      );
    },
  );
});

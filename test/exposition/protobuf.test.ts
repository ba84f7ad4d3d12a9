import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { ProtobufWriter } from '../../src/exposition/protobuf-writer.ts';
import type { FamilySnapshot, Snapshot, SparseBuckets } from '../../src/snapshot/snapshot.ts';
import { seriesKey } from '../../src/testing/page.ts';
import { parsePage } from '../../src/testing/parse-page.ts';
import { decodeProtobuf, type ProtobufFamily, samplesOf } from '../support/protobuf.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';
import { pages } from './pages.ts';

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const protobuf = negotiate(PROTOBUF);
const utf8 = negotiate(`${PROTOBUF};escaping=allow-utf-8`);

function decode(snapshot: Snapshot, filter?: string[]): ProtobufFamily[] {
  return decodeProtobuf(utf8.render(snapshot, filter && new Set(filter)));
}

/** The same numbers from the text page. */
function samplesOfText(snapshot: Snapshot): Map<string, number> {
  const text = [...negotiate('text/plain;version=1.0.0;escaping=allow-utf-8').render(snapshot)].join('');
  const samples = new Map<string, number>();
  for (const family of parsePage(text).families.values()) {
    for (const { name, labels, value } of family.samples) {
      const numbers = Object.entries(labels).map(([label, content]) => [
        label,
        label === 'le' || label === 'quantile' ? String(Number(content.replace('Inf', 'Infinity'))) : content,
      ]);
      samples.set(seriesKey(name, Object.fromEntries(numbers) as Record<string, string>), value);
    }
  }
  return samples;
}

describe.each(Object.entries(pages))('%s', (_name, { snapshot }) => {
  test('says the same as the text', () => {
    const families = decode(snapshot);
    expect(samplesOf(families)).toEqual(samplesOfText(snapshot));
    expect(families.map(({ help = '' }) => help)).toEqual(
      snapshot.families.filter(({ series }) => series.length > 0).map(({ definition }) => definition.help),
    );
  });

  test('the second time, when the labels are known', () => {
    decode(snapshot);
    expect(samplesOf(decode(snapshot))).toEqual(samplesOfText(snapshot));
  });
});

test('types, units and start timestamps', () => {
  const types = ['counter', 'gauge', 'unknown', 'info'] as const;
  const snapshot: Snapshot = {
    families: [
      ...types.map((type) => familyOf({ name: `a_${type}_bytes`, type, unit: 'bytes' }, [{ values: [1] }])),
      familyOf({ name: 'b', type: 'histogram', bounds: [1], help: '' }, [{ values: [1, 1, 0] }]),
      familyOf({ name: 'c', type: 'summary', quantiles: [0.5] }, [{ values: [0], sparse: buckets({}) }]),
      familyOf({ name: 'd', type: 'stateset', states: ['on', 'off'] }, [{ values: [1, 0] }]),
    ],
    startTimestamp: 1_700_000_000.25,
  };
  const families = decode(snapshot);
  expect(families.map(({ name, type, unit }) => [name, type, unit])).toEqual([
    ['a_counter_bytes_total', 'COUNTER', 'bytes'],
    ['a_gauge_bytes', 'GAUGE', 'bytes'],
    ['a_unknown_bytes', 'UNTYPED', 'bytes'],
    ['a_info_bytes_info', 'GAUGE', undefined],
    ['b', 'HISTOGRAM', undefined],
    ['c', 'SUMMARY', undefined],
    ['d', 'GAUGE', undefined],
  ]);
  const start = { seconds: 1_700_000_000, nanos: 250_000_000 };
  const [counter, , , , histogram, summary] = families;
  expect(counter!.metric[0]!.counter!.startTimestamp).toEqual(start);
  expect(histogram!.metric[0]!.histogram!.startTimestamp).toEqual(start);
  expect(histogram!).not.toHaveProperty('help');
  expect(summary!.metric[0]!.summary!.startTimestamp).toEqual(start);
});

function buckets(some: Partial<SparseBuckets>): SparseBuckets {
  return { schema: 3, zeroThreshold: 2 ** -128, zeroCount: 0, positive: [], negative: [], ...some };
}

function native(sparse: SparseBuckets, values: readonly number[], bounds: readonly number[] = []): FamilySnapshot {
  const definition = { schema: 3, maxBuckets: 160, zeroThreshold: 2 ** -128 };
  return familyOf({ name: 'native', type: 'histogram', bounds, native: definition }, [{ values, sparse }]);
}

describe('native histograms', () => {
  const sparse = buckets({
    schema: -2,
    zeroCount: 2,
    positive: [
      [-1, 3],
      [1, 1],
      [5, 4],
    ],
    negative: [
      [0, 1],
      [1, 1],
    ],
  });

  test('alone', () => {
    const [{ metric }] = decode(snapshotOf(native(sparse, [-2.5, 12]))) as [ProtobufFamily];
    expect(metric[0]!.histogram).toMatchObject({
      sampleCount: 12,
      sampleSum: -2.5,
      bucket: [],
      schema: -2,
      zeroThreshold: 2 ** -128,
      zeroCount: 2,
      positiveSpan: [
        { offset: -1, length: 3 },
        { offset: 3, length: 1 },
      ],
      positiveDelta: [3, -3, 1, 3],
      negativeSpan: [{ offset: 0, length: 2 }],
      negativeDelta: [1, 0],
    });
  });

  test('beside classic buckets', () => {
    const [{ metric }] = decode(snapshotOf(native(sparse, [-2.5, 4, 8], [1]))) as [ProtobufFamily];
    expect(metric[0]!.histogram).toMatchObject({ sampleCount: 12, bucket: [{ cumulativeCount: 4, upperBound: 1 }] });
    expect(metric[0]!.histogram!.positiveDelta).toHaveLength(4);
  });

  test.each([2 ** -128, 0])('an empty one is known by a span without buckets (zero threshold %d)', (zeroThreshold) => {
    const [{ metric }] = decode(snapshotOf(native(buckets({ zeroThreshold }), [0, 0]))) as [ProtobufFamily];
    expect(metric[0]!.histogram).toMatchObject({
      sampleCount: 0,
      schema: 3,
      zeroThreshold,
      zeroCount: 0,
      positiveSpan: [{ offset: 0, length: 0 }],
      positiveDelta: [],
      negativeSpan: [],
    });
  });

  test('with counts up to 2^51', () => {
    const large = buckets({
      zeroCount: 2 ** 51,
      positive: [
        [0, 2 ** 51],
        [1, 1],
      ],
    });
    const [{ metric }] = decode(snapshotOf(native(large, [0, 2 ** 52 + 1]))) as [ProtobufFamily];
    expect(metric[0]!.histogram).toMatchObject({
      sampleCount: 2 ** 52 + 1,
      zeroCount: 2 ** 51,
      positiveDelta: [2 ** 51, 1 - 2 ** 51],
    });
  });

  test('are a classic histogram of one bucket in the texts', () => {
    const snapshot = snapshotOf(native(sparse, [-2.5, 12]));
    const lines = `native_bucket{le="+Inf"} 12\nnative_sum -2.5\nnative_count 12\n`;
    const head = (order: string[]): string => order.map((line) => `# ${line}\n`).join('');
    expect([...negotiate(undefined).render(snapshot)].join('')).toBe(
      head(['HELP native Help.', 'TYPE native histogram']) + lines,
    );
    expect([...negotiate('application/openmetrics-text;version=1.0.0').render(snapshot)].join('')).toBe(
      `${head(['TYPE native histogram', 'HELP native Help.'])}${lines}# EOF\n`,
    );
    expect(samplesOf(decode(snapshot))).toEqual(samplesOfText(snapshot));
  });
});

test('exemplars stand where the formats have a place for them', () => {
  const exemplar = (place: number, value: number) => ({ place, value, labels: { trace_id: 'é' }, timestamp: 12.5 });
  const expected = (value: number) => ({
    label: [{ name: 'trace_id', value: 'é' }],
    value,
    timestamp: { seconds: 12, nanos: 500_000_000 },
  });
  const families = decode(
    snapshotOf(
      { ...familyOf({ name: 'a', type: 'counter' }, [{ values: [2] }]), exemplars: [[exemplar(0, 1)]] },
      {
        ...familyOf({ name: 'b', type: 'histogram', bounds: [1, 2] }, [{ values: [9, 1, 0, 1] }]),
        exemplars: [[exemplar(0, 0.5), exemplar(2, 8.5)]],
      },
      { ...native(buckets({ positive: [[0, 2]] }), [2, 2]), exemplars: [[exemplar(1, 0.9), exemplar(4, 1)]] },
    ),
  );
  const [counter, classic, alone] = families.map(({ metric }) => metric[0]!);
  expect(counter!.counter!.exemplar).toEqual(expected(1));
  expect(classic!.histogram!.bucket).toEqual([
    { cumulativeCount: 1, upperBound: 1, exemplar: expected(0.5) },
    { cumulativeCount: 1, upperBound: 2 },
    { cumulativeCount: 2, upperBound: Infinity, exemplar: expected(8.5) },
  ]);
  expect(alone!.histogram!.exemplars).toEqual([expected(0.9), expected(1)]);
});

describe('names outside the old alphabet', () => {
  const snapshot = snapshotOf(
    familyOf({ name: 'my.requests', type: 'counter', labelNames: ['http.method'] }, [{ labels: ['GET'], values: [1] }]),
  );

  test.each([
    ['', 'my_requests_total', 'http_method'],
    [';escaping=allow-utf-8', 'my.requests_total', 'http.method'],
    [';escaping=underscores', 'my_requests_total', 'http_method'],
    [';escaping=dots', 'my_dot_requests__total', 'http_dot_method'],
    [';escaping=values', 'U__my_2e_requests__total', 'U__http_2e_method'],
  ])('under the scheme%s', (escaping, name, label) => {
    const exposition = negotiate(PROTOBUF + escaping);
    const [family] = decodeProtobuf(exposition.render(snapshot));
    expect([family!.name, family!.metric[0]!.label[0]!.name]).toEqual([name, label]);
    const parameters = escaping.replace(';', '; ');
    expect(exposition.contentType).toBe(
      `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited${parameters}`,
    );
  });
});

test('the filter leaves what it names', () => {
  const snapshot = snapshotOf(
    familyOf({ name: 'a', type: 'counter' }, [{ values: [1] }]),
    familyOf({ name: 'b', type: 'histogram', bounds: [1] }, [{ values: [1, 1, 0] }]),
  );
  expect(decode(snapshot, ['a_total']).map(({ name }) => name)).toEqual(['a_total']);
  expect(decode(snapshot, ['b_count', 'nonsense']).map(({ name }) => name)).toEqual(['b']);
  expect(decode(snapshot, ['c'])).toEqual([]);
});

describe('large pages', () => {
  const bounds = Array.from({ length: 20 }, (_, i) => i + 1);
  const large = familyOf(
    { name: 'm', type: 'histogram', bounds, labelNames: ['route'] },
    Array.from({ length: 2000 }, (_, i) => ({
      labels: [`/things/${i}/é`],
      values: [i, ...Array.from({ length: 21 }, (__, b) => i * b)],
    })),
  );
  const small = (name: string): FamilySnapshot => familyOf({ name, type: 'gauge' }, [{ values: [1] }]);

  test('come in chunks of some 60 KB, a family of many chunks once it is whole', () => {
    const snapshot = snapshotOf(small('a'), large, small('z'));
    const chunks = [...protobuf.render(snapshot)] as Uint8Array[];
    const sizes = chunks.map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
    expect(sizes.filter((size) => size === 0).length).toBeGreaterThan(5);
    expect(sizes.filter((size) => size > 0).length).toBeLessThan(sizes.length / 2 + 5);
    expect(samplesOf(decodeProtobuf(chunks))).toEqual(samplesOfText(snapshot));
  });

  test('of many small families are joined to chunks', () => {
    const snapshot = snapshotOf(...Array.from({ length: 3000 }, (_, i) => small(`f${String(i).padStart(5, '0')}`)));
    const chunks = [...protobuf.render(snapshot)] as Uint8Array[];
    expect(chunks.length).toBeLessThan(4);
    expect(decodeProtobuf(chunks)).toHaveLength(3000);
  });

  test('a series that comes and one that goes find their labels', () => {
    const of = (series: readonly string[]): Snapshot =>
      snapshotOf({
        definition: large.definition,
        series: series.map((route) => [route]),
        values: Float64Array.from(series.flatMap(() => Array.from({ length: 22 }, () => 1))),
      });
    for (const series of [['a', 'b'], ['a', 'ab', 'b'], ['b'], []]) {
      expect(samplesOf(decode(of(series)))).toEqual(samplesOfText(of(series)));
    }
  });

  test('labels of any length', () => {
    const labels = [0, 1, 41, 42, 63, 64, 65, 127, 128, 1024].flatMap((length) =>
      ['x', 'é', '漢', '😀'].map((c) => [c.repeat(length)]),
    );
    const unique = [...new Map(labels.map((label) => [label[0], label])).values()];
    const family = familyOf(
      { name: 'long', type: 'counter', labelNames: ['l'] },
      unique.map((label, i) => ({ labels: label, values: [i] })),
    );
    const [decoded] = decode(snapshotOf(family));
    expect(decoded!.metric.map(({ label }) => label[0]!.value)).toEqual(unique.map(([label]) => label));
  });
});

test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53])(
  'the varint %d',
  (value) => {
    const writer = new ProtobufWriter();
    writer.varint(value);
    const [bytes] = writer.take();
    const read = bytes!.reduceRight((sum, byte) => sum * 128n + BigInt(byte & 127), 0n);
    expect(read).toBe(BigInt(value));
    expect([...bytes!].map((byte) => byte >= 128)).toEqual([
      ...Array.from({ length: bytes!.length - 1 }, () => true),
      false,
    ]);
  },
);

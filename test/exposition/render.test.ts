import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';
import { pages } from './pages.ts';

const FORMATS = {
  '0.0.4': 'text/plain;version=0.0.4',
  '1.0.0': 'text/plain;version=1.0.0;escaping=allow-utf-8',
  openMetrics: 'application/openmetrics-text;version=1.0.0',
};

function render(snapshot: Snapshot, format: keyof typeof FORMATS, filter?: string[]): string {
  return [...negotiate(FORMATS[format]).render(snapshot, filter && new Set(filter))].join('');
}

describe.each(Object.entries(pages))('%s', (_name, page) => {
  test('in text 0.0.4', () => expect(render(page.snapshot, '0.0.4')).toBe(page.text));
  test('in text 1.0.0', () => expect(render(page.snapshot, '1.0.0')).toBe(page.text));
  test('in OpenMetrics', () => expect(render(page.snapshot, 'openMetrics')).toBe(page.openMetrics));

  test('the second time, when the lines are known', () => {
    render(page.snapshot, 'openMetrics');
    expect(render(page.snapshot, 'openMetrics')).toBe(page.openMetrics);
  });
});

describe('names outside the old alphabet', () => {
  const snapshot = snapshotOf(
    familyOf({ name: 'my.requests', type: 'counter', help: '', labelNames: ['http.method'] }, [
      { labels: ['GET'], values: [1] },
    ]),
    familyOf({ name: 'a"b', type: 'gauge', help: '' }, [{ values: [2] }]),
    familyOf({ name: 'd.s', type: 'histogram', help: '', bounds: [1] }, [{ values: [1, 2, 3] }]),
  );

  test('are quoted where the format can', () => {
    expect(render(snapshot, '1.0.0')).toBe(`\
# TYPE "my.requests_total" counter
{"my.requests_total","http.method"="GET"} 1
# TYPE "a\\"b" gauge
{"a\\"b"} 2
# TYPE "d.s" histogram
{"d.s_bucket",le="1"} 2
{"d.s_bucket",le="+Inf"} 5
{"d.s_sum"} 1
{"d.s_count"} 5
`);
  });

  test('are escaped where it can not', () => {
    expect(render(snapshot, '0.0.4')).toBe(`\
# TYPE my_requests_total counter
my_requests_total{http_method="GET"} 1
# TYPE a_b gauge
a_b 2
# TYPE d_s histogram
d_s_bucket{le="1"} 2
d_s_bucket{le="+Inf"} 5
d_s_sum 1
d_s_count 5
`);
  });
});

test('what is kept under one scheme does not show under another', () => {
  const dots = negotiate('text/plain;version=1.0.0;escaping=dots');
  const snapshot = snapshotOf(
    familyOf({ name: 'a_b', type: 'counter', help: '', labelNames: ['c_d'] }, [{ labels: ['e_f'], values: [1] }]),
  );
  const text = '# TYPE a_b_total counter\na_b_total{c_d="e_f"} 1\n';
  for (let i = 0; i < 2; i++) {
    expect(render(snapshot, '1.0.0')).toBe(text);
    expect(render(snapshot, '0.0.4')).toBe(text);
    expect(render(snapshot, 'openMetrics')).toBe('# TYPE a_b counter\na_b_total{c_d="e_f"} 1\n# EOF\n');
    expect([...dots.render(snapshot)].join('')).toBe('# TYPE a__b__total counter\na__b__total{c__d="e_f"} 1\n');
  }
});

describe('the filter', () => {
  const { snapshot } = pages['a counter, with and without labels']!;
  const histogram = pages['a histogram: buckets add up, and bounds are canonical']!;

  test.each(['jobs', 'jobs_total'])('finds a counter by %s', (name) => {
    const text = '# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total 3\n';
    expect(render(snapshot, '0.0.4', [name, 'nonsense'])).toBe(text);
  });

  test.each(['size_bytes', 'size_bytes_bucket', 'size_bytes_sum', 'size_bytes_count'])(
    'finds a histogram by %s, with all that belongs to it',
    (name) => expect(render(histogram.snapshot, 'openMetrics', [name])).toBe(histogram.openMetrics),
  );

  test('may find nothing', () => {
    expect(render(snapshot, '0.0.4', ['request'])).toBe('');
    expect(render(snapshot, 'openMetrics', ['request'])).toBe('# EOF\n');
  });

  test('finds all when it is empty', () => {
    expect(render(snapshot, '0.0.4', [])).toBe(render(snapshot, '0.0.4'));
  });
});

test('a family without series shows that it exists', () => {
  const snapshot = snapshotOf(familyOf({ name: 'errors', type: 'counter', help: 'None yet.' }, []));
  expect(render(snapshot, '0.0.4')).toBe('# HELP errors_total None yet.\n# TYPE errors_total counter\n');
});

test('a family without help has no HELP line', () => {
  const snapshot = snapshotOf(familyOf({ name: 'mute', type: 'gauge', help: '' }, [{ values: [1] }]));
  expect(render(snapshot, '0.0.4')).toBe('# TYPE mute gauge\nmute 1\n');
});

test('OpenMetrics gives infos and state sets no unit', () => {
  const definition = { name: 'build_seconds', type: 'info', unit: 'seconds' } as const;
  expect(render(snapshotOf(familyOf(definition, [{ values: [1] }])), 'openMetrics')).not.toContain('UNIT');
});

test('a large page comes in chunks below 64 KiB that make up the page', () => {
  const series = Array.from({ length: 20_000 }, (_, i) => ({ labels: [`/route/${i}`], values: [i] }));
  const snapshot = snapshotOf(
    familyOf({ name: 'a', type: 'counter', labelNames: ['route'] }, series),
    ...Array.from({ length: 2_000 }, (_, i) => familyOf({ name: `b${i}`, type: 'gauge', help: 'x'.repeat(200) }, [])),
  );
  const chunks = [...negotiate(undefined).render(snapshot)];
  expect(chunks.length).toBeGreaterThan(10);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(64 * 1024);
  const lines = chunks.join('').split('\n');
  expect(lines.filter((line) => line.startsWith('a_total{'))).toEqual(
    series.map(({ labels, values }) => `a_total{route="${labels[0]}"} ${values[0]}`),
  );
  expect(lines.filter((line) => line.startsWith('# TYPE b'))).toHaveLength(2_000);
});

describe('counters with exact names', () => {
  const counter = (name: string): Parameters<typeof familyOf>[0] => ({
    name,
    type: 'counter',
    exactName: true,
    help: '',
  });

  test('have them on every page; without _total OpenMetrics has no word for them', () => {
    const snapshot = snapshotOf(
      familyOf(counter('hits'), [{ values: [1] }]),
      familyOf(counter('jobs_total'), [{ values: [2] }]),
    );
    expect(render(snapshot, '0.0.4')).toBe('# TYPE hits counter\nhits 1\n# TYPE jobs_total counter\njobs_total 2\n');
    expect(render(snapshot, 'openMetrics')).toBe(
      '# TYPE hits unknown\nhits 1\n# TYPE jobs counter\njobs_total 2\n# EOF\n',
    );
  });

  test('share a page with a gauge that has the name without _total', () => {
    const snapshot = snapshotOf(
      familyOf({ name: 'jobs', type: 'gauge', help: '' }, [{ values: [1] }]),
      familyOf(counter('jobs_total'), [{ values: [2] }]),
    );
    expect(render(snapshot, '0.0.4')).toBe('# TYPE jobs gauge\njobs 1\n# TYPE jobs_total counter\njobs_total 2\n');
    expect(render(snapshot, 'openMetrics')).toBe(
      '# TYPE jobs gauge\njobs 1\n# TYPE jobs_total unknown\njobs_total 2\n# EOF\n',
    );
  });
});

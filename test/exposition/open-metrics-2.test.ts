import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import type { Exemplar } from '../../src/snapshot/exemplar.ts';
import type { FamilySnapshot, Snapshot } from '../../src/snapshot/snapshot.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';
import { faultyLines } from './open-metrics-2-grammar.ts';
import { pages } from './pages.ts';

const ACCEPT = 'application/openmetrics-text;version=2.0.0;escaping=allow-utf-8';

function render(snapshot: Snapshot, accept: string = ACCEPT): string {
  return [...negotiate(accept).render(snapshot)].map(String).join('');
}

describe('the grammar', () => {
  // Of the specification's own examples.
  test.each([
    'acme_http_router_request_seconds{path="/api/v1",method="GET"} {count:807283,sum:9036.32,quantile:[0.95:2,0.99:20]} st@1605281325.0',
    'acme_http_request_seconds{path="/api/v1",method="GET"} {count:2,sum:1.2e2,schema:0,zero_threshold:1e-4,zero_count:0,positive_spans:[1:2],positive_buckets:[1,1],bucket:[0.5:1,1:2,+Inf:2]} st@1605301325.0',
    '{"foodb.read.errors","service.name"="my_service"} 3482',
    'foo_total 17.0 1520879607.789 st@1520430000.123 # {trace_id="KOO5S4vxi0o"} 0.67 1520879606.1',
    '# UNIT "process.cpu.seconds" seconds',
  ])('takes %s', (line) => expect(faultyLines(`${line}\n# EOF\n`)).toEqual([]));

  test.each([
    'foo{a="x"} {count:1, sum:2,quantile:[]}',
    'foo {count:1,sum:2,bucket:[1:1]}',
    'foo {sum:1,count:2,bucket:[+Inf:1]}',
    'foo_total 1 st@1E5',
    'foo_total 1 # {trace_id="a"} 1',
    'a.b 1',
    'foo{a.b="x"} 1',
    'foo  1',
    '# COMMENT',
    '',
  ])('refuses %j', (line) => expect(faultyLines(`${line}\n# EOF\n`)).toEqual([line]));

  test('wants the end', () => expect(faultyLines('foo 1\n')).not.toEqual([]));
});

describe.each(Object.entries(pages))('%s', (_name, { snapshot }) => {
  test('follows the grammar, with a line a series', () => {
    const page = render(snapshot);
    expect(faultyLines(page)).toEqual([]);
    const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples).toHaveLength(
      snapshot.families.reduce(
        (sum, { definition, series }) => sum + series.length * (definition.states?.length ?? 1),
        0,
      ),
    );
  });
});

test('a page of every type', () => {
  const exemplar: Exemplar = { place: 0, labels: { trace_id: 'a"b' }, value: 0.5, timestamp: 1_700_000_001.25 };
  const snapshot = snapshotOf(
    {
      ...familyOf({ name: 'jobs.done', type: 'counter', labelNames: ['k.x'] }, [{ labels: ['a'], values: [3] }]),
      exemplars: [[exemplar]],
    },
    familyOf({ name: 'build', type: 'info', labelNames: ['v'] }, [{ labels: ['1'], values: [1] }]),
    {
      ...familyOf({ name: 'size_bytes', type: 'histogram', unit: 'bytes', bounds: [1, 1e6] }, [
        { values: [-4.5, 2, 1, 1] },
      ]),
      exemplars: [[exemplar, { ...exemplar, place: 2, labels: {} }]],
    },
    {
      ...familyOf(
        { name: 'wait', type: 'histogram', bounds: [], native: { schema: 3, maxBuckets: 160, zeroThreshold: 1e-9 } },
        [{ values: [9.5, 8] }],
      ),
      sparse: [
        {
          schema: 3,
          zeroThreshold: 1e-9,
          zeroCount: 1,
          negative: [[-7, 2]],
          positive: [
            [1, 1],
            [2, 3],
            [9, 1],
          ],
        },
      ],
    },
    familyOf({ name: 'phase', type: 'stateset', states: ['a', 'b'] }, [{ values: [0, 1] }]),
  );
  const page = render(snapshot);
  expect(faultyLines(page)).toEqual([]);
  expect(page).toBe(`\
# TYPE "jobs.done_total" counter
# HELP "jobs.done_total" Help.
{"jobs.done_total","k.x"="a"} 3 st@1700000000 # {trace_id="a\\"b"} 0.5 1700000001.25
# TYPE build_info info
# HELP build_info Help.
build_info{v="1"} 1
# TYPE size_bytes histogram
# UNIT size_bytes bytes
# HELP size_bytes Help.
size_bytes {count:4,sum:-4.5,bucket:[1:2,1e+06:3,+Inf:4]} st@1700000000 # {trace_id="a\\"b"} 0.5 1700000001.25 # {} 0.5 1700000001.25
# TYPE wait histogram
# HELP wait Help.
wait {count:8,sum:9.5,schema:3,zero_threshold:1e-09,zero_count:1,negative_spans:[-7:1],negative_buckets:[2],positive_spans:[1:2,6:1],positive_buckets:[1,3,1]} st@1700000000
# TYPE phase stateset
# HELP phase Help.
phase{phase="a"} 0
phase{phase="b"} 1
# EOF
`);
  expect(render(snapshot, `${ACCEPT};q=1`.replace('allow-utf-8', 'underscores'))).toContain(
    '\njobs_done_total{k_x="a"} 3 ',
  );
});

test('whatever the names, labels, help and numbers', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 }).map((any) => any.toWellFormed());
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }).map((any) => any.toWellFormed());
  const family = fc.record({
    name,
    label: name,
    value: text,
    help: text,
    number: fc.double(),
    scheme: fc.constantFrom('allow-utf-8', 'underscores', 'dots', 'values'),
  });
  fc.assert(
    fc.property(family, ({ name: metric, label, value, help, number, scheme }) => {
      const gauge: FamilySnapshot = familyOf({ name: metric, type: 'gauge', help, labelNames: [label] }, [
        { labels: [value], values: [number] },
      ]);
      expect(faultyLines(render(snapshotOf(gauge), ACCEPT.replace('allow-utf-8', scheme)))).toEqual([]);
    }),
  );
});

import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';

/** A page in the three formats, `1.0.0` where it is not as 0.0.4. */
export interface GoldenPage {
  readonly snapshot: Snapshot;
  readonly text: string;
  readonly openMetrics: string;
}

const noValues = { schema: 4, zeroThreshold: 2 ** -128, zeroCount: 0, positive: [], negative: [] };

/** Pages by what they show; the conformance tests hand each of them to foreign parsers. */
export const pages: Readonly<Record<string, GoldenPage>> = {
  'nothing at all': { snapshot: snapshotOf(), text: '', openMetrics: '# EOF\n' },

  'a counter, with and without labels': {
    snapshot: snapshotOf(
      familyOf({ name: 'jobs', type: 'counter', help: 'Jobs done.' }, [{ values: [3] }]),
      familyOf({ name: 'requests', type: 'counter', help: 'Requests.', labelNames: ['method', 'status'] }, [
        { labels: ['GET', '200'], values: [1027] },
        { labels: ['POST', '400'], values: [0.5] },
      ]),
    ),
    text: `\
# HELP jobs_total Jobs done.
# TYPE jobs_total counter
jobs_total 3
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{method="GET",status="200"} 1027
requests_total{method="POST",status="400"} 0.5
`,
    openMetrics: `\
# TYPE jobs counter
# HELP jobs Jobs done.
jobs_total 3
# TYPE requests counter
# HELP requests Requests.
requests_total{method="GET",status="200"} 1027
requests_total{method="POST",status="400"} 0.5
# EOF
`,
  },

  'every kind of number': {
    snapshot: snapshotOf(
      familyOf(
        { name: 'gauge', type: 'gauge', labelNames: ['n'] },
        [0, -0, 1, -1, 4095, 4096, 2 ** 31, 2 ** 53, 1e21, 1.5e-7, 0.1, Infinity, -Infinity, NaN].map((value, i) => ({
          labels: [String(i).padStart(2, '0')],
          values: [value],
        })),
      ),
    ),
    text: `\
# HELP gauge Help.
# TYPE gauge gauge
gauge{n="00"} 0
gauge{n="01"} 0
gauge{n="02"} 1
gauge{n="03"} -1
gauge{n="04"} 4095
gauge{n="05"} 4096
gauge{n="06"} 2147483648
gauge{n="07"} 9007199254740992
gauge{n="08"} 1e+21
gauge{n="09"} 1.5e-7
gauge{n="10"} 0.1
gauge{n="11"} +Inf
gauge{n="12"} -Inf
gauge{n="13"} NaN
`,
    openMetrics: `\
# TYPE gauge gauge
# HELP gauge Help.
gauge{n="00"} 0
gauge{n="01"} 0
gauge{n="02"} 1
gauge{n="03"} -1
gauge{n="04"} 4095
gauge{n="05"} 4096
gauge{n="06"} 2147483648
gauge{n="07"} 9007199254740992
gauge{n="08"} 1e+21
gauge{n="09"} 1.5e-7
gauge{n="10"} 0.1
gauge{n="11"} +Inf
gauge{n="12"} -Inf
gauge{n="13"} NaN
# EOF
`,
  },

  'a histogram: buckets add up, and bounds are canonical': {
    snapshot: snapshotOf(
      familyOf(
        {
          name: 'size_bytes',
          type: 'histogram',
          unit: 'bytes',
          labelNames: ['route'],
          bounds: [0.00001, 0.25, 1, 100_000, 1_000_000],
        },
        [
          { labels: ['/'], values: [12.5, 1, 0, 2, 0, 3, 4] },
          { labels: ['/a'], values: [0, 0, 0, 0, 0, 0, 0] },
        ],
      ),
    ),
    text: `\
# HELP size_bytes Help.
# TYPE size_bytes histogram
size_bytes_bucket{route="/",le="1e-05"} 1
size_bytes_bucket{route="/",le="0.25"} 1
size_bytes_bucket{route="/",le="1"} 3
size_bytes_bucket{route="/",le="100000"} 3
size_bytes_bucket{route="/",le="1e+06"} 6
size_bytes_bucket{route="/",le="+Inf"} 10
size_bytes_sum{route="/"} 12.5
size_bytes_count{route="/"} 10
size_bytes_bucket{route="/a",le="1e-05"} 0
size_bytes_bucket{route="/a",le="0.25"} 0
size_bytes_bucket{route="/a",le="1"} 0
size_bytes_bucket{route="/a",le="100000"} 0
size_bytes_bucket{route="/a",le="1e+06"} 0
size_bytes_bucket{route="/a",le="+Inf"} 0
size_bytes_sum{route="/a"} 0
size_bytes_count{route="/a"} 0
`,
    openMetrics: `\
# TYPE size_bytes histogram
# UNIT size_bytes bytes
# HELP size_bytes Help.
size_bytes_bucket{route="/",le="1e-05"} 1
size_bytes_bucket{route="/",le="0.25"} 1
size_bytes_bucket{route="/",le="1.0"} 3
size_bytes_bucket{route="/",le="100000.0"} 3
size_bytes_bucket{route="/",le="1e+06"} 6
size_bytes_bucket{route="/",le="+Inf"} 10
size_bytes_sum{route="/"} 12.5
size_bytes_count{route="/"} 10
size_bytes_bucket{route="/a",le="1e-05"} 0
size_bytes_bucket{route="/a",le="0.25"} 0
size_bytes_bucket{route="/a",le="1.0"} 0
size_bytes_bucket{route="/a",le="100000.0"} 0
size_bytes_bucket{route="/a",le="1e+06"} 0
size_bytes_bucket{route="/a",le="+Inf"} 0
size_bytes_sum{route="/a"} 0
size_bytes_count{route="/a"} 0
# EOF
`,
  },

  'a histogram of values that can be negative: OpenMetrics has no sum of them': {
    snapshot: snapshotOf(familyOf({ name: 'drift', type: 'histogram', bounds: [-1, 1] }, [{ values: [-4, 2, 1, 1] }])),
    text: `\
# HELP drift Help.
# TYPE drift histogram
drift_bucket{le="-1"} 2
drift_bucket{le="1"} 3
drift_bucket{le="+Inf"} 4
drift_sum -4
drift_count 4
`,
    openMetrics: `\
# TYPE drift histogram
# HELP drift Help.
drift_bucket{le="-1.0"} 2
drift_bucket{le="1.0"} 3
drift_bucket{le="+Inf"} 4
# EOF
`,
  },

  'a summary, with values and without': {
    snapshot: snapshotOf(
      familyOf({ name: 'wait', type: 'summary', labelNames: ['q'], quantiles: [0, 0.5, 1] }, [
        { labels: ['empty'], values: [0], sparse: noValues },
        {
          labels: ['full'],
          values: [4.5],
          // Bounds at schema 0: 1 to 2 and, once, 2 to 4.
          sparse: {
            ...noValues,
            schema: 0,
            zeroCount: 1,
            positive: [
              [1, 1],
              [2, 1],
            ],
          },
        },
      ]),
    ),
    text: `\
# HELP wait Help.
# TYPE wait summary
wait{q="empty",quantile="0"} NaN
wait{q="empty",quantile="0.5"} NaN
wait{q="empty",quantile="1"} NaN
wait_sum{q="empty"} 0
wait_count{q="empty"} 0
wait{q="full",quantile="0"} 0
wait{q="full",quantile="0.5"} 1.3333333333333333
wait{q="full",quantile="1"} 2.6666666666666665
wait_sum{q="full"} 4.5
wait_count{q="full"} 3
`,
    openMetrics: `\
# TYPE wait summary
# HELP wait Help.
wait{q="empty",quantile="0.0"} NaN
wait{q="empty",quantile="0.5"} NaN
wait{q="empty",quantile="1.0"} NaN
wait_sum{q="empty"} 0
wait_count{q="empty"} 0
wait{q="full",quantile="0.0"} 0
wait{q="full",quantile="0.5"} 1.3333333333333333
wait{q="full",quantile="1.0"} 2.6666666666666665
wait_sum{q="full"} 4.5
wait_count{q="full"} 3
# EOF
`,
  },

  'an info, a state set and an unknown': {
    snapshot: snapshotOf(
      familyOf({ name: 'build', type: 'info', labelNames: ['version'] }, [{ labels: ['1.2.3'], values: [1] }]),
      familyOf({ name: 'phase', type: 'stateset', labelNames: ['worker'], states: ['idle', 'busy'] }, [
        { labels: ['a'], values: [0, 1] },
      ]),
      familyOf({ name: 'thing', type: 'unknown' }, [{ values: [7] }]),
    ),
    text: `\
# HELP build_info Help.
# TYPE build_info gauge
build_info{version="1.2.3"} 1
# HELP phase Help.
# TYPE phase gauge
phase{worker="a",phase="idle"} 0
phase{worker="a",phase="busy"} 1
# HELP thing Help.
# TYPE thing untyped
thing 7
`,
    openMetrics: `\
# TYPE build info
# HELP build Help.
build_info{version="1.2.3"} 1
# TYPE phase stateset
# HELP phase Help.
phase{worker="a",phase="idle"} 0
phase{worker="a",phase="busy"} 1
# TYPE thing unknown
# HELP thing Help.
thing 7
# EOF
`,
  },

  'a gauge whose second number is when it was set': {
    snapshot: snapshotOf(
      familyOf({ name: 'latest', type: 'gauge', labelNames: ['n'], aggregation: 'mostRecent' }, [
        { labels: ['a'], values: [1, 99] },
        { labels: ['b'], values: [2, 98] },
      ]),
    ),
    text: '# HELP latest Help.\n# TYPE latest gauge\nlatest{n="a"} 1\nlatest{n="b"} 2\n',
    openMetrics: '# TYPE latest gauge\n# HELP latest Help.\nlatest{n="a"} 1\nlatest{n="b"} 2\n# EOF\n',
  },

  'what has to be escaped': {
    snapshot: snapshotOf(
      familyOf({ name: 'odd', type: 'gauge', help: 'A \\ "quoted"\nline.', labelNames: ['v'] }, [
        { labels: ['\n'], values: [1] },
        { labels: ['"'], values: [2] },
        { labels: ['\\'], values: [3] },
        { labels: ['\\n"{},= # é 漢 😀 \u2028'], values: [4] },
      ]),
    ),
    text: `\
# HELP odd A \\\\ "quoted"\\nline.
# TYPE odd gauge
odd{v="\\n"} 1
odd{v="\\""} 2
odd{v="\\\\"} 3
odd{v="\\\\n\\"{},= # é 漢 😀 \u2028"} 4
`,
    openMetrics: `\
# TYPE odd gauge
# HELP odd A \\\\ \\"quoted\\"\\nline.
odd{v="\\n"} 1
odd{v="\\""} 2
odd{v="\\\\"} 3
odd{v="\\\\n\\"{},= # é 漢 😀 \u2028"} 4
# EOF
`,
  },
};

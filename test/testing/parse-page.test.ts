import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FORMATS } from '../../src/exposition/formats.ts';
import type { FamilyDefinition, FamilySnapshot } from '../../src/snapshot/snapshot.ts';
import { parsePage } from '../../src/testing.ts';
import { toNumberText } from '../../src/testing/sample-line.ts';
import { pages } from '../exposition/pages.ts';
import { noForeignParsers, parseWithPython } from '../support/foreign-parsers.ts';
import { familyOf, snapshotOf } from '../support/snapshots.ts';

describe('what exposition writes', () => {
  test.each(Object.entries(pages))('%s', (_, { text, openMetrics }) => {
    for (const page of [parsePage(text), parsePage(openMetrics)]) {
      const samples = [...page.families.values()].flatMap((family) => family.samples);
      const lines = (page.format === 'text' ? text : openMetrics).split('\n').filter((line) => /^[^#]/.test(line));
      expect(samples.map(({ name }) => name)).toEqual(lines.map((line) => /^\w+/.exec(line)![0]));
    }
  });

  test.skipIf(noForeignParsers).each(Object.entries(pages))(
    '%s: as other parsers read it',
    async (_, { text, openMetrics }) => {
      for (const [format, page] of [
        ['text', text],
        ['openmetrics', openMetrics],
      ] as const) {
        const theirs = (await parseWithPython(page, format)).flatMap(({ samples }) => samples);
        const ours = [...parsePage(page).families.values()].flatMap(({ samples }) => samples);
        expect(ours).toEqual(
          theirs.map(({ name, labels, value }) => {
            const numbers = Object.entries(labels).map(([label, text_]) => [
              label,
              label === 'le' || label === 'quantile' ? toNumberText(text_) : text_,
            ]);
            return { name, labels: Object.fromEntries(numbers) as Record<string, string>, value };
          }),
        );
      }
    },
  );

  test('any counters, gauges and histograms come back as they were, in every format that is read', () => {
    const formats = FORMATS.filter(({ parameters }) => /^(0\.0\.[14]|1\.0\.0)$/.test(parameters.get('version') ?? ''));
    expect(formats).toHaveLength(4);
    const labelValue = fc.string({ unit: 'binary', maxLength: 8 }).map((value) => value.toWellFormed());
    const value = fc.double({ noDefaultInfinity: false });
    const count = fc.nat(2 ** 40);
    const definition = fc.constantFrom<Pick<FamilyDefinition, 'name' | 'type' | 'bounds' | 'unit'>>(
      { name: 'jobs', type: 'counter', unit: '' },
      { name: 'size_bytes', type: 'gauge', unit: 'bytes' },
      { name: 'wait_seconds', type: 'histogram', unit: 'seconds', bounds: [1e-7, 0.1, 1, 1e6, 1e21] },
    );
    const family = fc.record({ definition, help: labelValue, labels: fc.integer({ min: 0, max: 2 }) }).chain((given) =>
      fc
        .uniqueArray(
          fc.record({
            labels: fc.array(labelValue, { minLength: given.labels, maxLength: given.labels }),
            values: fc.array(given.definition.type === 'gauge' ? value : count, {
              minLength: (given.definition.bounds?.length ?? -1) + 2,
              maxLength: (given.definition.bounds?.length ?? -1) + 2,
            }),
          }),
          { selector: (series) => JSON.stringify(series.labels), maxLength: 5 },
        )
        .map((series) =>
          familyOf({ ...given.definition, help: given.help, labelNames: ['a', 'b'].slice(0, given.labels) }, series),
        ),
    );
    const families = fc.uniqueArray(family, { selector: (one) => one.definition.name });
    let looked = 0;
    fc.assert(
      fc.property(families, (all) => {
        const snapshot = snapshotOf(...all);
        for (const format of formats) {
          const page = parsePage([...format.exposition('allow-utf-8').render(snapshot)].join(''));
          expect([...page.families.values()]).toEqual(all.map((one) => asParsed(one, page.format)));
          looked++;
        }
      }),
      { numRuns: 300 },
    );
    expect(looked).toBe(300 * formats.length);
  });
});

/** What a family should look like on a page. */
function asParsed({ definition, series, values }: FamilySnapshot, format: string): unknown {
  const { name, type, help, unit, labelNames, bounds = [] } = definition;
  const stride = type === 'histogram' ? bounds.length + 2 : 1;
  const samples = series.flatMap((labelValues, i) => {
    const labels = Object.fromEntries(labelNames.map((label, k) => [label, labelValues[k]!]));
    const own = values.subarray(i * stride, (i + 1) * stride);
    if (type !== 'histogram') return [{ name: type === 'counter' ? `${name}_total` : name, labels, value: own[0] }];
    let count = 0;
    const buckets = [...bounds, Infinity].map((bound, k) => ({
      name: `${name}_bucket`,
      labels: { ...labels, le: bound === Infinity ? '+Inf' : String(bound) },
      value: (count += own[k + 1]!),
    }));
    return [
      ...buckets,
      { name: `${name}_sum`, labels, value: own[0] },
      { name: `${name}_count`, labels, value: count },
    ];
  });
  const inText = format === 'text';
  return {
    name: inText && type === 'counter' ? `${name}_total` : name,
    type,
    help,
    unit: inText ? '' : unit,
    samples: samples.map((sample) => ({ ...sample, value: sample.value === 0 ? expect.closeTo(0) : sample.value })),
  };
}

describe('what the formats allow', () => {
  test('text: blanks, comments, timestamps, any order of metadata, lines without any', () => {
    const page = parsePage(
      '\n# a comment\n#\n  # TYPE  x  counter\n# HELP x A \\\\ "help"\\nof two lines.\n' +
        ' x { a = "1" , b="\\"\\\\\\n" , }\t+1.5E3 -1000 \nx{} 2\ny -Inf\nz nan\n',
    );
    expect(page.format).toBe('text');
    expect([...page.families.values()]).toEqual([
      {
        name: 'x',
        type: 'counter',
        help: 'A \\ "help"\nof two lines.',
        unit: '',
        samples: [
          { name: 'x', labels: { a: '1', b: '"\\\n' }, value: 1500, timestamp: -1 },
          { name: 'x', labels: {}, value: 2 },
        ],
      },
      { name: 'y', type: 'untyped', help: '', unit: '', samples: [{ name: 'y', labels: {}, value: -Infinity }] },
      { name: 'z', type: 'untyped', help: '', unit: '', samples: [{ name: 'z', labels: {}, value: NaN }] },
    ]);
  });

  test('quoted names', () => {
    const page = parsePage('# HELP "my.name" Help.\n# TYPE "my.name" gauge\n{"my.name","label.x"="v",y="w"} 1\n');
    expect(page.families.get('my.name')).toEqual({
      name: 'my.name',
      type: 'gauge',
      help: 'Help.',
      unit: '',
      samples: [{ name: 'my.name', labels: { 'label.x': 'v', y: 'w' }, value: 1 }],
    });
  });

  test('OpenMetrics: exemplars, timestamps, units, every type', () => {
    const page = parsePage(`\
# HELP a_seconds Say \\"a\\".
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{x="y"} 3 1700000000.5 # {trace_id="abc"} 0.5 1700000000
a_seconds_created{x="y"} 1.6e9
# TYPE h histogram
h_bucket{le="1.0"} 1 # {} 0.5
h_bucket{le="+Inf"} 1
# TYPE g gaugehistogram
g_bucket{le="+Inf"} 1
g_gcount 1
g_gsum -1
# TYPE i info
i_info{v="1"} 1
# TYPE s stateset
s{s="on"} 1
s{s="off"} 0
# TYPE q summary
q{quantile="0.50"} -1
q_sum 1
q_count 2
# EOF
`);
    expect(page.format).toBe('openmetrics');
    expect(page.families.get('a_seconds')).toEqual({
      name: 'a_seconds',
      type: 'counter',
      help: 'Say "a".',
      unit: 'seconds',
      samples: [
        {
          name: 'a_seconds_total',
          labels: { x: 'y' },
          value: 3,
          timestamp: 1_700_000_000.5,
          exemplar: { labels: { trace_id: 'abc' }, value: 0.5, timestamp: 1_700_000_000 },
        },
        { name: 'a_seconds_created', labels: { x: 'y' }, value: 1.6e9 },
      ],
    });
    expect(page.families.get('h')?.samples[0]).toEqual({
      name: 'h_bucket',
      labels: { le: '1' },
      value: 1,
      exemplar: { labels: {}, value: 0.5 },
    });
    expect([...page.families.values()].map(({ type }) => type)).toEqual([
      'counter',
      'histogram',
      'gaugehistogram',
      'info',
      'stateset',
      'summary',
    ]);
    expect(page.families.get('q')?.samples[0]?.labels).toEqual({ quantile: '0.5' });
  });
});

describe('what they forbid', () => {
  const histogram = (lines: string): string => `# TYPE h histogram\n${lines}`;
  const text: Readonly<Record<string, readonly [page: string, fault: RegExp]>> = {
    'no line feed at the end': ['a 1', /last line must end/],
    'carriage returns': ['a 1\r\n', /line 1.*expected a number/],
    'no value': ['a\n', /expected a space/],
    'a value that is no number': ['a one\n', /line 1, column 3: expected a number/],
    'a number with letters after it': ['a 1e\n', /expected a number/],
    'something after the value': ['a 1 x\n', /expected the end/],
    'a timestamp that is no whole number': ['a 1 1.5\n', /expected the end/],
    'a name with a dash': ['a-b 1\n', /expected a space/],
    'a name that begins with a digit': ['1a 1\n', /expected a metric name/],
    'labels without a name': ['{a="b"} 1\n', /expected a metric name/],
    'two names': ['a{"b"} 1\n', /expected =/],
    'an open brace': ['a{b="c" 1\n', /expected , or }/],
    'an open quotation mark': ['a{b="c} 1\n', /label value between quotation marks/],
    'a label without quotation marks': ['a{b=c} 1\n', /label value between quotation marks/],
    'a label name with a colon': ['a{b:c="d"} 1\n', /expected =/],
    'labels without a comma': ['a{b="c"d="e"} 1\n', /expected , or }/],
    'a label twice': ['a{b="c",b="d"} 1\n', /label b is there twice/],
    'an unknown escape sequence': ['a{b="\\x"} 1\n', /\\x is no escape sequence/],
    'an unknown escape sequence in help': ['# HELP a \\"\na 1\n', /is no escape sequence/],
    'an unknown type': ['# TYPE a count\n', /count is no type/],
    "OpenMetrics' types": ['# TYPE a info\n', /info is no type/],
    'a type twice': ['# TYPE a gauge\n# TYPE a gauge\n', /second TYPE/],
    'help twice': ['# HELP a x\n# HELP a y\n', /second HELP/],
    'a type after its samples': ['a 1\n# TYPE a gauge\n', /TYPE must come before/],
    'a family in two places': ['# TYPE a gauge\na 1\nb 1\n# TYPE a gauge\n', /stand together/],
    'a sample away from its family': ['# TYPE a gauge\na 1\nb 1\na{x="y"} 1\n', /stand together/],
    'a name of two families': [
      '# TYPE s summary\ns_sum 1\ns_count 1\n# TYPE s_sum gauge\ns_sum{a="b"} 1\n',
      /belongs to s/,
    ],
    'a series twice': ['a{x="1",y="2"} 1\na{y="2",x="1"} 1\n', /is there twice/],
    'a counter below zero': ['# TYPE a counter\na -1\n', /never negative/],
    'a counter that is NaN': ['# TYPE a counter\na NaN\n', /never NaN/],
    'a histogram without +Inf': [histogram('h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'), /bucket for \+Inf/],
    'a bucket without le': [histogram('h_bucket 1\n'), /must have le/],
    'a bound that is no number': [histogram('h_bucket{le="x"} 1\n'), /must have le/],
    'bounds that fall': [histogram('h_bucket{le="2"} 1\nh_bucket{le="1"} 1\n'), /ascend/],
    'a bound twice': [histogram('h_bucket{le="1"} 1\nh_bucket{le="1.0"} 1\n'), /is there twice/],
    'counts that fall': [histogram('h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n'), /never fall/],
    'counts that are not whole': [histogram('h_bucket{le="+Inf"} 0.5\n'), /whole numbers/],
    'a count that is not that of +Inf': [histogram('h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 1\n'), /count, 1, must be/],
    'no sum': [histogram('h_bucket{le="+Inf"} 2\nh_count 2\n'), /both sum and count/],
    'neither sum nor count': [histogram('h_bucket{le="+Inf"} 2\n'), /must be sum and count/],
    'series that are mixed': [
      histogram('h_bucket{a="1",le="1"} 0\nh_bucket{a="2",le="1"} 0\nh_bucket{a="1",le="+Inf"} 0\n'),
      /do not stand together/,
    ],
    'a quantile over 1': ['# TYPE s summary\ns{quantile="2"} 1\n', /quantile from 0 to 1/],
    'a summary without quantile': ['# TYPE s summary\ns 1\n', /quantile from 0 to 1/],
    'a summary of half values': ['# TYPE s summary\ns_sum 1\ns_count 1.5\n', /count must be whole/],
    'OpenMetrics cut off': [
      '# TYPE a counter\n# UNIT a seconds\na_total 1 # {x="y"} 1\n',
      /expected the end|stand together/,
    ],
  };
  test.each(Object.entries(text))('text: %s', (_, [page, fault]) => {
    expect(() => parsePage(page)).toThrow(fault);
    expect(() => parsePage(page)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_MALFORMED_PAGE' }));
  });

  const openMetrics: Readonly<Record<string, readonly [page: string, fault: RegExp]>> = {
    'empty lines': ['\n', /expected a metric name/],
    comments: ['# hello\n', /expected a metric name/],
    'an end in the middle': ['# EOF\na 1\n', /expected a metric name/],
    'two spaces': ['a  1\n', /expected a number/],
    'a space before the labels': ['a {b="c"} 1\n', /expected a number/],
    'spaces among the labels': ['a{b= "c"} 1\n', /label value/],
    'a comma after the last label': ['a{b="c",} 1\n', /expected , or }/],
    'a space at the end': ['a 1 \n', /expected the end/],
    'a counter without _total': ['# TYPE a counter\na 1\n', /stand together/],
    'a unit that the name lacks': ['# TYPE a gauge\n# UNIT a seconds\na 1\n', /must end in _seconds/],
    'an infinite timestamp': ['a 1 +Inf\n', /timestamp must be finite/],
    "text's types": ['# TYPE a untyped\n', /untyped is no type/],
    'an exemplar of a gauge': ['# TYPE a gauge\na 1 # {x="y"} 1\n', /only counters and buckets/],
    'an exemplar of a count': [
      histogram('h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1 # {} 1\n'),
      /only counters and buckets/,
    ],
    'an exemplar without value': ['# TYPE a counter\na_total 1 # {x="y"}\n', /expected a space/],
    'a long exemplar': [`# TYPE a counter\na_total 1 # {x="${'y'.repeat(128)}"} 1\n`, /at most 128/],
    'an info that is 0': ['# TYPE a info\na_info{v="1"} 0\n', /always 1/],
    'a state of 2': ['# TYPE a stateset\na{a="on"} 2\n', /1 or 0/],
    'a state without its label': ['# TYPE a stateset\na{b="on"} 1\n', /label a/],
  };
  test.each(Object.entries(openMetrics))('OpenMetrics: %s', (_, [page, fault]) => {
    expect(() => parsePage(`${page}# EOF\n`)).toThrow(fault);
  });

  test('nothing else but pages and errors comes of any text', () => {
    const line = fc.constantFrom(
      ...'# TYPE a counter|# TYPE h histogram|# HELP a x|a 1|a{b="c"} 2|h_bucket{le="+Inf"} 1|h_sum 1|h_count 1|# EOF'.split(
        '|',
      ),
    );
    const noise = fc.oneof({ weight: 4, arbitrary: line }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) });
    fc.assert(
      fc.property(fc.array(noise), (lines) => {
        try {
          expect(parsePage(`${lines.join('\n')}\n`).families).toBeInstanceOf(Map);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_METRICS_MALFORMED_PAGE' });
        }
      }),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { expectNoDuplicates } from '../support/duplicates.ts';
import { expectPromtoolAccepts, noForeignParsers, parseWithPython } from '../support/foreign-parsers.ts';

const GOOD = '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 1\n';

describe('the foreign parsers refuse what they should', () => {
  test.skipIf(noForeignParsers).each([
    ['what is no metric', 'jobs_total\n', 'expected float as value'],
    ['a family twice', `${GOOD}# TYPE jobs_total counter\n`, 'second TYPE line'],
    ['a line without its end', GOOD.trimEnd(), 'unexpected end of input'],
    ['a counter without its suffix (style)', GOOD.replaceAll('jobs_total', 'jobs'), 'should have "_total" suffix'],
    ['a family without help (style)', '# TYPE jobs_total counter\njobs_total 1\n', 'no help text'],
  ])('promtool: %s', async (_fault, page, complaint) => {
    const fault = await expectPromtoolAccepts(page).catch((error: { actual: { output: string } }) => error.actual);
    expect(fault).toHaveProperty('output', expect.stringContaining(complaint));
  });

  test.skipIf(noForeignParsers).each([
    ['text', 'jobs_total{a="1} 2\n'],
    ['openmetrics', GOOD],
    ['openmetrics', '# TYPE jobs counter\njobs_total 1\n'],
    ['openmetrics', '# TYPE jobs counter\njobs 1\n# EOF\n'],
    ['openmetrics', '# TYPE h histogram\nh_bucket{le="1.0"} 1\n# EOF\n'],
  ] as const)('Python: %s, %j', async (format, page) => {
    const fault = await parseWithPython(page, format).catch((error: { actual: { output: string } }) => error.actual);
    expect(fault).toHaveProperty('output', expect.stringMatching(/ValueError|IndexError/));
  });
});

describe('duplicates are found', () => {
  test.each([
    ['a series', `${GOOD}jobs_total 2\n`, 'jobs_total'],
    ['a family', `${GOOD}# HELP a A.\n# TYPE a gauge\na 1\n${GOOD.replace('1', '2')}`, 'jobs_total'],
    ['a line of another family', `${GOOD}up 1\n`, 'up 1'],
  ])('%s', (_what, page, found) => {
    let fault: unknown;
    try {
      expectNoDuplicates(page);
    } catch (error) {
      fault = error;
    }
    expect(fault).toHaveProperty('actual', expect.arrayContaining([found]));
  });

  test('none', () => expectNoDuplicates(GOOD));
});

test.skipIf(noForeignParsers)('Python hands over what it read', async () => {
  expect(await parseWithPython('# HELP a Help.\n# TYPE a gauge\na{b="c"} -Inf\n', 'text')).toEqual([
    {
      name: 'a',
      type: 'gauge',
      help: 'Help.',
      unit: '',
      samples: [{ name: 'a', labels: { b: 'c' }, value: -Infinity }],
    },
  ]);
});

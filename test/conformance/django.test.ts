import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DJANGO_BODY_BUCKETS, DJANGO_LATENCY_BUCKETS } from '../../src/compat/django-buckets.ts';
import { scrape, type ScrapedPage } from '../../src/testing.ts';
import type { Answer } from './django/ask.ts';
import { addUp, knownDifferences } from './django/known-differences.ts';
import { differences, djangoFamilies, increase, numbersOf } from './django/numbers.ts';
import { type Answers, noPair, type Pair, startPair } from './django/pair.ts';
import { script } from './django/script.ts';

/**
 * A Django project with django-prometheus, and an application of ours with the same views and
 * METRICS_COMPAT=django, get the same requests: then their pages say the same of them, but for what
 * known-differences.ts has.
 */
/** Requests to which the answers differ, with the reason. */
const ANSWERED_OTHERWISE: readonly { readonly only: RegExp; readonly because: string }[] = [
  { only: /^HEAD /, because: 'gunicorn sends the body' },
  { only: /^BREW\d /, because: "Node's parser knows no such methods" },
  { only: /^POST \/upload\/ chunked/, because: 'Django takes a body without a length for none' },
  { only: /^GET \/metrics$/, because: 'the pages themselves' },
];

describe.skipIf(noPair)('beside django-prometheus', () => {
  let pair: Pair;
  let theirs: ScrapedPage;
  let ours: ScrapedPage;
  let theirsBefore: ScrapedPage;
  let oursBefore: ScrapedPage;
  const answers: Answers[] = [];

  beforeAll(async () => {
    pair = await startPair();
    theirsBefore = await scrape(pair.projectMetrics);
    oursBefore = await scrape(pair.registry);
    for (const request of script) answers.push(await pair.ask(request));
    theirs = await scrape(pair.projectMetrics);
    ours = await scrape(pair.registry);
  }, 120_000);

  afterAll(() => pair?.stop());

  test('the same requests get the same answers', () => {
    const otherwise = (asked: string): boolean => ANSWERED_OTHERWISE.some(({ only }) => only.test(asked));
    const alike = answers.filter(({ asked }) => !otherwise(asked));
    expect(alike.filter((answer) => !sameAnswer(answer.theirs, answer.ours))).toEqual([]);
    expect(alike.length).toBeGreaterThan(270);
    const differ = answers.filter(({ asked }) => otherwise(asked));
    expect(differ.filter((answer) => sameAnswer(answer.theirs, answer.ours))).toEqual([]);
    expect(new Set(answers.map((answer) => answer.theirs.status)).size).toBeGreaterThan(15);
  });

  test('the pages have the same numbers, but for the known differences', () => {
    const [before, after] = [
      increase(numbersOf(theirsBefore), numbersOf(theirs)),
      increase(numbersOf(oursBefore), numbersOf(ours)),
    ];
    const scraped = answers.at(-1)!.theirs;
    expect(differences(before, after)).toEqual(addUp(knownDifferences(scraped)));
    const equal = [...after].filter(([series, value]) => value !== 0 && before.get(series) === value);
    expect(equal.length).toBeGreaterThan(90);
    const familyOf = (series: string): string => series.replace(/(_bucket|_count|_sum)?(\{.*)?$/, '');
    const counted = new Set([...before].filter(([, value]) => value !== 0).map(([series]) => familyOf(series)));
    const silent = djangoFamilies(ours).filter(({ name }) => !counted.has(name));
    expect(silent.map(({ name }) => name)).toEqual([
      // No driver of PostgreSQL for Node has such a call; see test/compat/django.test.ts.
      'django_db_execute_many_total',
      'django_http_requests_unknown_latency_including_middlewares_total',
      'django_http_requests_unknown_latency_total',
      'django_migrations_unapplied_total',
    ]);
  });

  test('the families have the same types, help texts and labels', () => {
    const described = (page: ScrapedPage): unknown =>
      djangoFamilies(page).map(({ name, type, help, samples }) => ({
        name,
        type,
        help,
        labels: [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].sort(),
      }));
    expect(described(ours)).toEqual(described(theirs));
    expect(djangoFamilies(ours)).toHaveLength(34);
  });

  test('the histograms have the same buckets', () => {
    const buckets = (page: ScrapedPage): Record<string, number[]> =>
      Object.fromEntries(
        djangoFamilies(page)
          .filter(({ type }) => type === 'histogram')
          .map(({ name, samples }) => [
            name,
            [
              ...new Set(
                samples.flatMap(({ labels: { le } }) => (le === undefined || le === '+Inf' ? [] : [Number(le)])),
              ),
            ],
          ]),
      );
    const ofOurs = buckets(ours);
    // Version 2.2 gives two families the bounds of Python's client; from 2.3.0 on they have those
    // of the third.
    const ofTheirs = buckets(theirs);
    for (const name of [
      'django_http_requests_latency_including_middlewares_seconds',
      'django_db_query_duration_seconds',
    ]) {
      expect(ofTheirs[name]).not.toEqual(DJANGO_LATENCY_BUCKETS);
      ofTheirs[name] = [...DJANGO_LATENCY_BUCKETS];
    }
    expect(ofOurs).toEqual(ofTheirs);
    expect(ofOurs['django_http_requests_body_total_bytes']).toEqual(DJANGO_BODY_BUCKETS);
    expect(Object.keys(ofOurs)).toHaveLength(5);
  });
});

function sameAnswer(one: Answer, other: Answer): boolean {
  return one.status === other.status && one.bytes === other.bytes;
}

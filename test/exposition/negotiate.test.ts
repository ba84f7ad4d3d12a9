import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const TEXT_1 = 'text/plain; version=1.0.0; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const OPENMETRICS_0 = 'application/openmetrics-text; version=0.0.1; charset=utf-8';
const OPENMETRICS_2 = 'application/openmetrics-text; version=2.0.0; charset=utf-8';
const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const PROTOBUF_TYPE = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

describe('what scrapers and browsers send', () => {
  test.each([
    [
      'Prometheus 3',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      `${OPENMETRICS}; escaping=allow-utf-8`,
    ],
    [
      'Prometheus 3 with native histograms',
      `${PROTOBUF};escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
      `${PROTOBUF_TYPE}; escaping=allow-utf-8`,
    ],
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      OPENMETRICS,
    ],
    [
      'Prometheus before OpenMetrics 1.0',
      'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      OPENMETRICS_0,
    ],
    ['Telegraf', `${PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3`, PROTOBUF_TYPE],
    ['Telegraf as it was', `${PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1`, PROTOBUF_TYPE],
    ['protobuf without its message', 'application/vnd.google.protobuf, text/plain;q=0.5', TEXT],
    [
      'protobuf in another encoding',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text, text/plain;q=0.5',
      TEXT,
    ],
    ['protobuf with a lower quality', `${PROTOBUF};q=0.4,text/plain;q=0.5`, TEXT],
    [
      'Chrome',
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
      TEXT,
    ],
    ['Firefox', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT],
    ['curl and fetch', '*/*', TEXT],
    ['nobody', undefined, TEXT],
    ['nothing', '', TEXT],
  ])('%s', (_who, accept, contentType) => expect(negotiate(accept).contentType).toBe(contentType));
});

describe('RFC 9110', () => {
  test.each([
    [
      'the highest quality wins, wherever it stands',
      'text/plain;version=0.0.4;q=0.2, application/openmetrics-text;version=1.0.0;q=0.7',
      OPENMETRICS,
    ],
    [
      'a quality stands anywhere among the parameters',
      'application/openmetrics-text;q=0.9;version=1.0.0, text/plain;q=0.8',
      OPENMETRICS,
    ],
    ['no quality is 1', 'application/openmetrics-text;version=1.0.0, text/plain;q=0.999', OPENMETRICS],
    [
      'among equals the first wins',
      'text/plain;version=1.0.0;escaping=values, application/openmetrics-text;version=1.0.0',
      `${TEXT_1}; escaping=values`,
    ],
    [
      'among equals the first wins, however many parameters they have',
      'application/openmetrics-text;version=1.0.0, text/plain;version=1.0.0;escaping=values',
      OPENMETRICS,
    ],
    [
      'among equals one that is named wins over what is covered by *',
      '*/*, text/*, application/openmetrics-text;version=1.0.0',
      OPENMETRICS,
    ],
    [
      'the most specific entry has the say on a format',
      'text/plain;version=0.0.4;q=0.1, text/*, application/openmetrics-text;version=1.0.0;q=0.5, text/plain;version=1.0.0;q=0.2',
      OPENMETRICS,
    ],
    ['a type alone stands for any of its subtypes', 'application/*', OPENMETRICS],
    ['a type alone, of text', 'text/*;q=0.1', TEXT],
    ['q=0 is a refusal', 'text/plain;version=0.0.4;q=0, */*;q=0.1', OPENMETRICS],
    ['q=0 of a whole type', 'application/*;q=0, */*', TEXT],
    ['everything refused still gets a page', '*/*;q=0', TEXT],
    ['nothing that we have', 'image/png, application/json', TEXT],
    ['a version that we do not have', 'application/openmetrics-text;version=9.0.0, text/plain;version=2.0.0', TEXT],
    [
      'OpenMetrics 2 where it is asked for',
      'application/openmetrics-text;version=2.0.0, application/openmetrics-text;version=1.0.0;q=0.5',
      OPENMETRICS_2,
    ],
    [
      'OpenMetrics 2 never for the sake of a star',
      'text/plain;version=0.0.4;q=0, application/*, */*;q=0.5',
      OPENMETRICS,
    ],
    ['OpenMetrics without a version is 0.0.1', 'application/openmetrics-text', OPENMETRICS_0],
    ['text without a version is 0.0.4', 'text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.4', TEXT],
    [
      'case and blanks do not matter',
      ' Application/OpenMetrics-Text ; VERSION=1.0.0 ; Q=0.5 , text/plain;q=0.1',
      OPENMETRICS,
    ],
    ['a quoted value', 'application/openmetrics-text;version="1.0.0"', OPENMETRICS],
    [
      'a comma in a quoted value',
      'text/plain;version="0.0.4,1.0.0";q=1, application/openmetrics-text;version=1.0.0;q=0.1',
      OPENMETRICS,
    ],
    ['our own charset', 'application/openmetrics-text;version=1.0.0;charset=UTF-8', OPENMETRICS],
    ['another charset', 'application/openmetrics-text;version=1.0.0;charset=latin1', TEXT],
    ['an unknown parameter asks for something else', 'application/openmetrics-text;version=1.0.0;profile=x', TEXT],
    ['empty parameters and entries', ',, application/openmetrics-text;;version=1.0.0; ,', OPENMETRICS],
  ])('%s', (_rule, accept, contentType) => expect(negotiate(accept).contentType).toBe(contentType));

  test.each([
    'text',
    '/',
    '*/plain',
    'text/plain;q=high',
    'text/plain;q=1.5',
    'text/plain;q=-1',
    'text/plain;q=',
    'text/plain;version',
    'text/plain;version="1',
    'text/pla in',
    'text/plain version=0.0.4',
  ])('a malformed entry is left out: %s', (entry) => {
    const accept = `${entry}, application/openmetrics-text;version=1.0.0;q=0.1`;
    // An unclosed quotation mark takes in all that follows.
    expect(negotiate(accept).contentType).toBe(entry.includes('"') ? TEXT : OPENMETRICS);
  });

  test('no header is too odd', () => {
    const part = fc.constantFrom('text/plain', '*/*', ';', ',', 'q=', '0.5', '"', '\\', ' ', '=', 'version', 'é', '/');
    const header = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(header, (accept) => {
        expect(negotiate(accept).contentType).toMatch(
          /^(text\/plain|application\/openmetrics-text); version=[\d.]+; charset=utf-8/,
        );
      }),
    );
  });
});

describe('the escaping scheme', () => {
  test.each(['allow-utf-8', 'underscores', 'dots', 'values'])('%s is repeated', (scheme) => {
    const accept = `application/openmetrics-text;version=1.0.0;escaping=${scheme}`;
    expect(negotiate(accept).contentType).toBe(`${OPENMETRICS}; escaping=${scheme}`);
  });

  test('an unknown one is ignored', () => {
    expect(negotiate('application/openmetrics-text;version=1.0.0;escaping=allow-utf8').contentType).toBe(OPENMETRICS);
  });

  test('text 1.0.0 always says which it is in', () => {
    expect(negotiate('text/plain;version=1.0.0').contentType).toBe(`${TEXT_1}; escaping=underscores`);
  });

  test('is that of the entry that was chosen', () => {
    const accept = 'text/plain;version=1.0.0;escaping=dots;q=0.9,application/openmetrics-text;version=1.0.0;q=1';
    expect(negotiate(accept).contentType).toBe(OPENMETRICS);
  });
});

test('the same wish gets the same object, so that its lines are kept', () => {
  expect(negotiate('text/plain;version=0.0.4')).toBe(negotiate('*/*'));
});

test('formats say what they are', () => {
  expect(negotiate(undefined).format).toBe('text');
  expect(negotiate('application/openmetrics-text').format).toBe('openmetrics');
});

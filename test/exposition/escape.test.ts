import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeHelp, escapeQuoted } from '../../src/exposition/escape.ts';

/**
 * Reads an escaped text character by character, as a scraper does; throws where it would give up.
 */
function unescape(text: string, escapes: Readonly<Record<string, string>>): string {
  let read = '';
  const characters = text.split('').values();
  for (const character of characters) {
    if (character === '\n' || (character === '"' && '"' in escapes)) throw new Error('ended too early');
    const escaped = character === '\\' ? escapes[characters.next().value ?? ''] : character;
    if (escaped === undefined) throw new Error('unknown escape');
    read += escaped;
  }
  return read;
}

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom('\\', '"', '\n', 'n', 'x', '\r', '\0', '😀')).map((parts) => parts.join('')),
);

test('a quoted text is read as it was', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      expect(unescape(escapeQuoted(text), { '\\': '\\', n: '\n', '"': '"' })).toBe(text);
    }),
  );
});

test('help is read as it was', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      expect(unescape(escapeHelp(text), { '\\': '\\', n: '\n' })).toBe(text);
    }),
  );
});

import { MetricsError } from '../errors.ts';

const UNESCAPED: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', n: '\n' };

/** Reads one line of a page from left to right. */
export class LineReader {
  readonly #line: string;
  readonly #number: number;
  #at = 0;

  /** @param number The line's place on the page, from 1. */
  constructor(line: string, number: number) {
    this.#line = line;
    this.#number = number;
  }

  get atEnd(): boolean {
    return this.#at === this.#line.length;
  }

  /** Whether this comes next. */
  sees(text: string): boolean {
    return this.#line.startsWith(text, this.#at);
  }

  /** What the sticky pattern matches here, which is passed over. */
  skip(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#line);
    if (match) this.#at = pattern.lastIndex;
    return match?.[0];
  }

  /** The same of what has to be there. */
  take(pattern: RegExp, expected: string): string {
    return this.skip(pattern) ?? this.fail(`expected ${expected}`);
  }

  /** A string between quotation marks. */
  takeQuoted(expected: string): string {
    return this.unescape(this.take(/"(?:[^"\\]|\\.)*"/y, `${expected} between quotation marks`).slice(1, -1), '\\"n');
  }

  /** What is left of the line. */
  rest(): string {
    return this.take(/.*/sy, 'anything');
  }

  /** @param known What may follow a backslash. */
  unescape(text: string, known: string): string {
    return text.replace(/\\(.?)/gs, (escape, letter: string) =>
      letter !== '' && known.includes(letter) ? UNESCAPED[letter]! : this.fail(`${escape} is no escape sequence here`),
    );
  }

  /** @throws MetricsError ERR_METRICS_MALFORMED_PAGE */
  fail(fault: string): never {
    throw malformed(`line ${this.#number}, column ${this.#at + 1}: ${fault}: ${JSON.stringify(this.#line)}`);
  }
}

/** The error for a page that breaks its format's rules. */
export function malformed(fault: string): MetricsError {
  return new MetricsError('ERR_METRICS_MALFORMED_PAGE', fault);
}

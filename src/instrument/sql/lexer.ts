/**
 * A grammar of SQL, as far as texts are read differently: `mysql` is MariaDB's too. Where it is not
 * known, the reader takes the most likely meaning.
 */
export type Dialect = 'postgresql' | 'mysql' | 'sqlite';

/** The kind of a token: a word or number, a quoted name, a string, any other character. */
export type TokenKind = 'word' | 'name' | 'string' | 'symbol' | 'end';

/** The tokens of a text, one at a time. Comments and blanks are skipped. Reading allocates nothing. */
export class Tokens {
  readonly sql: string;
  readonly dialect: Dialect | undefined;
  kind: TokenKind = 'end';
  /** Position of the token's first character. */
  start: number;
  /** Position behind the token. */
  end: number;

  constructor(sql: string, from: number, dialect: Dialect | undefined) {
    this.sql = sql;
    this.dialect = dialect;
    this.start = from;
    this.end = from;
  }

  /** Goes on to the next token. Returns false at the end of the text. */
  next(): boolean {
    const { sql, dialect } = this;
    const at = skipBlank(sql, this.end, dialect);
    this.start = at;
    if (at >= sql.length) {
      this.kind = 'end';
      this.end = at;
      return false;
    }
    const code = sql.charCodeAt(at);
    // In MySQL names can begin with a dollar.
    if (isWord(code) && (code !== DOLLAR || dialect === 'mysql')) {
      this.kind = 'word';
      this.end = wordEnd(sql, at);
      return true;
    }
    const end = skipQuoted(sql, at, dialect);
    this.kind =
      end === at ? 'symbol' : code === DOUBLE_QUOTE || code === BACKTICK || code === BRACKET ? 'name' : 'string';
    this.end = end === at ? at + 1 : end;
    return true;
  }

  /** The token as it is written. */
  get text(): string {
    return this.sql.slice(this.start, this.end);
  }

  /** A word in lower case, a symbol as it is; the empty text for anything quoted. */
  get word(): string {
    if (this.kind === 'name' || this.kind === 'string') return '';
    // Keywords are short. A word that is longer than all of them is no keyword.
    return this.end - this.start > LONGEST_KEYWORD ? '' : this.text.toLowerCase();
  }

  /** True for a word in any case, or a symbol. */
  is(word: string): boolean {
    return this.word === word;
  }
}

const LONGEST_KEYWORD = 24;
/** Comments that nest deeper are not looked through where it is not known whether they do. */
const DEEPEST_GUESS = 64;
const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const DOLLAR = 0x24;
const QUOTE = 0x27;
const STAR = 0x2a;
const DASH = 0x2d;
const SLASH = 0x2f;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BACKTICK = 0x60;

/** Letters, digits, underscores, dollars, and everything beyond ASCII. */
export function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f ||
    (code >= 0x30 && code <= 0x39) ||
    code === DOLLAR ||
    (code >= 0x80 && code !== 0xfeff)
  );
}

/** The position behind a word that begins at `from`; `from` itself if none does. */
export function wordEnd(sql: string, from: number): number {
  let i = from;
  while (isWord(sql.charCodeAt(i))) i++;
  return i;
}

/** The position behind blanks and comments. */
export function skipBlank(sql: string, from: number, dialect: Dialect | undefined): number {
  let i = from;
  while (i < sql.length) {
    const code = sql.charCodeAt(i);
    if (code <= 0x20 || code === 0xfeff || code === 0xa0) {
      i++;
      continue;
    }
    const next = code === DASH || code === SLASH || code === HASH || code === STAR ? skipComment(sql, i, dialect) : i;
    if (next === i) break;
    i = next;
  }
  return i;
}

/**
 * The position behind `-- ...`, `# ...` or a block comment; `i` itself if none begins there. The
 * content of MySQL's executable comments is none: only their brackets are skipped.
 */
function skipComment(sql: string, i: number, dialect: Dialect | undefined): number {
  const code = sql.charCodeAt(i);
  const next = sql.charCodeAt(i + 1);
  // MySQL takes `5--1` for 5 - -1.
  if (code === DASH)
    return next === DASH && (dialect !== 'mysql' || !(sql.charCodeAt(i + 2) > 0x20)) ? lineEnd(sql, i) : i;
  if (code === HASH) return isHashComment(next, dialect) ? lineEnd(sql, i) : i;
  // The end of an executable comment.
  if (code === STAR) return next === SLASH && (dialect === 'mysql' || dialect === undefined) ? i + 2 : i;
  if (next !== STAR) return i;
  const content = executableContent(sql, i, dialect);
  return content > 0 ? content : blockEnd(sql, i, dialect);
}

/** PostgreSQL has operators that begin so (`#>`, `#-`); comments have a blank or a word there. */
function isHashComment(next: number, dialect: Dialect | undefined): boolean {
  if (dialect === 'mysql') return true;
  return dialect === undefined && (!(next > 0x20) || isWord(next));
}

/** Where the content of `/*! ... *\/`, `/*!50001 ... *\/` or MariaDB's `/*M! ... *\/` begins; 0 for others. */
function executableContent(sql: string, i: number, dialect: Dialect | undefined): number {
  if (dialect === 'postgresql' || dialect === 'sqlite') return 0;
  let at = sql.charCodeAt(i + 2) === 0x4d ? i + 3 : i + 2;
  if (sql.charCodeAt(at) !== 0x21) return 0;
  const digits = ++at;
  while (sql.charCodeAt(at) >= 0x30 && sql.charCodeAt(at) <= 0x39) at++;
  // Without a version it may be a comment that somebody wrote for emphasis.
  return dialect === 'mysql' || at > digits ? at : 0;
}

/**
 * The position behind a block comment. They nest in PostgreSQL, and do not elsewhere. Where the
 * dialect is not known they nest if that comes out even.
 */
function blockEnd(sql: string, from: number, dialect: Dialect | undefined): number {
  const first = sql.indexOf('*/', from + 2);
  if (first < 0) return sql.length;
  if (dialect === 'mysql' || dialect === 'sqlite') return first + 2;
  let depth = 1;
  let close = first;
  for (let i = from + 2; ;) {
    const open = sql.indexOf('/*', i);
    if (open >= 0 && open < close) {
      if (++depth > DEEPEST_GUESS && dialect === undefined) return first + 2;
      i = open + 2;
      if (close < i) close = sql.indexOf('*/', i);
    } else {
      i = close + 2;
      if (--depth === 0) return i;
      close = sql.indexOf('*/', i);
    }
    if (close < 0) return dialect === undefined ? first + 2 : sql.length;
  }
}

function lineEnd(sql: string, from: number): number {
  const end = sql.indexOf('\n', from);
  return end < 0 ? sql.length : end + 1;
}

/** The position behind the string or quoted name that begins at `i`; `i` itself if none does. */
function skipQuoted(sql: string, i: number, dialect: Dialect | undefined): number {
  switch (sql.charCodeAt(i)) {
    case QUOTE:
      return quotedEnd(sql, i, dialect === 'mysql' || (dialect !== 'sqlite' && isEscapeString(sql, i)));
    case DOUBLE_QUOTE:
      return quotedEnd(sql, i, dialect === 'mysql');
    case BACKTICK:
      return quotedEnd(sql, i, false);
    case BRACKET:
      return dialect === 'sqlite' ? bracketEnd(sql, i) : i;
    case DOLLAR:
      return dialect === 'mysql' || dialect === 'sqlite' ? i : dollarEnd(sql, i);
    default:
      return i;
  }
}

/** PostgreSQL's `E'...'`, in which a backslash escapes. */
function isEscapeString(sql: string, quote: number): boolean {
  return (sql.charCodeAt(quote - 1) | 0x20) === 0x65 && !isWord(sql.charCodeAt(quote - 2));
}

function quotedEnd(sql: string, from: number, backslash: boolean): number {
  const quote = sql.charCodeAt(from);
  for (let i = from + 1; i < sql.length; i++) {
    const code = sql.charCodeAt(i);
    if (code === BACKSLASH && backslash) i++;
    else if (code === quote) {
      if (sql.charCodeAt(i + 1) !== quote) return i + 1;
      i++;
    }
  }
  return sql.length;
}

/** The position behind a name in brackets, as SQLite and SQL Server have it. */
export function bracketEnd(sql: string, i: number): number {
  const end = sql.indexOf(']', i);
  return end < 0 ? sql.length : end + 1;
}

/** PostgreSQL's `$tag$ ... $tag$`; `$1` is a parameter. */
function dollarEnd(sql: string, from: number): number {
  let tagEnd = from + 1;
  while (isWord(sql.charCodeAt(tagEnd)) && sql.charCodeAt(tagEnd) !== DOLLAR) tagEnd++;
  const first = sql.charCodeAt(from + 1);
  if (sql.charCodeAt(tagEnd) !== DOLLAR || (first >= 0x30 && first <= 0x39)) return from;
  const end = sql.indexOf(sql.slice(from, tagEnd + 1), tagEnd + 1);
  return end < 0 ? sql.length : end + (tagEnd + 1 - from);
}

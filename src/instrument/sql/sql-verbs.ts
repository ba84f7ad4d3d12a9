/** What a statement does, as its label says. */
export type DatabaseOperation = 'select' | 'insert' | 'update' | 'delete' | 'ddl' | 'transaction' | 'other';

/** What a statement does, and what that means for the transaction it is in. */
export interface Verb {
  readonly operation: DatabaseOperation;
  readonly effect?: 'begin' | 'commit' | 'rollback' | 'detach' | undefined;
  /** Whether the next transaction begins at once: `COMMIT AND CHAIN`. */
  readonly chain?: boolean | undefined;
  /** Whether it is about a temporary table, which MySQL creates without a commit. */
  readonly temporary?: boolean | undefined;
}

const OTHER: Verb = { operation: 'other' };
const DDL: Verb = { operation: 'ddl' };
const TEMPORARY: Verb = { operation: 'ddl', temporary: true };
const TRANSACTION: Verb = { operation: 'transaction' };
const BEGIN: Verb = { operation: 'transaction', effect: 'begin' };
const COMMIT: Verb = { operation: 'transaction', effect: 'commit' };
const ROLLBACK: Verb = { operation: 'transaction', effect: 'rollback' };
const DETACH: Verb = { operation: 'transaction', effect: 'detach' };
const COMMIT_CHAIN: Verb = { ...COMMIT, chain: true };
const ROLLBACK_CHAIN: Verb = { ...ROLLBACK, chain: true };

/** The verb of an operation that comes without SQL. */
export const VERBS: { readonly [operation in Exclude<DatabaseOperation, 'transaction'>]: Verb } = {
  select: { operation: 'select' },
  insert: { operation: 'insert' },
  update: { operation: 'update' },
  delete: { operation: 'delete' },
  ddl: DDL,
  other: OTHER,
};

const BY_WORD: ReadonlyMap<string, Verb> = new Map<string, Verb>(
  Object.entries({
    select: VERBS.select,
    values: VERBS.select,
    table: VERBS.select,
    insert: VERBS.insert,
    replace: VERBS.insert,
    update: VERBS.update,
    delete: VERBS.delete,
    create: DDL,
    alter: DDL,
    drop: DDL,
    truncate: DDL,
    rename: DDL,
    comment: DDL,
    grant: DDL,
    revoke: DDL,
    reindex: DDL,
    begin: BEGIN,
    start: BEGIN,
    commit: COMMIT,
    end: COMMIT,
    rollback: ROLLBACK,
    abort: ROLLBACK,
    savepoint: TRANSACTION,
    release: TRANSACTION,
    prepare: OTHER,
    xa: TRANSACTION,
  }).flatMap(([word, verb]) => [
    [word, verb],
    [word.toUpperCase(), verb],
  ]),
);

/** The main statements that a WITH can introduce. */
const AFTER_WITH: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'replace', 'values', 'table']);

/**
 * The verb of a statement: its first word, or with WITH its main one. It looks no further, so that
 * it costs some 50 ns whatever the statement's length, and nothing is kept of the text. EXPLAIN,
 * CALL, DECLARE, COPY and all that is not known are `other`.
 *
 * @param from Where the statement begins.
 */
export function verbOf(sql: string, from: number = 0): Verb {
  const start = skipBlank(sql, from, true);
  const usual = usualVerb(sql, start);
  if (usual !== undefined) return usual;
  const end = wordEnd(sql, start);
  // Nothing that is known is longer, and a short slice holds on to no text.
  if (end === start || end - start > 9) return OTHER;
  const word = sql.slice(start, end);
  const verb = BY_WORD.get(word) ?? BY_WORD.get(word.toLowerCase());
  if (verb === undefined) return word.toLowerCase() === 'with' ? mainVerb(sql, end) : OTHER;
  if (verb === DDL) return isTemporary(sql, end) ? TEMPORARY : DDL;
  if (end + 1 >= sql.length) return verb;
  return verb.operation === 'transaction' || verb === OTHER ? inFull(verb, sql, start) : verb;
}

/** The four verbs that most statements have, found without taking the word out of the text. */
function usualVerb(sql: string, start: number): Verb | undefined {
  switch (sql.charCodeAt(start) | 0x20) {
    case 0x73:
      return isWordAt(sql, start, 'select') ? VERBS.select : undefined;
    case 0x69:
      return isWordAt(sql, start, 'insert') ? VERBS.insert : undefined;
    case 0x75:
      return isWordAt(sql, start, 'update') ? VERBS.update : undefined;
    case 0x64:
      return isWordAt(sql, start, 'delete') ? VERBS.delete : undefined;
    default:
      return undefined;
  }
}

function isWordAt(sql: string, start: number, word: string): boolean {
  for (let i = 1; i < word.length; i++) {
    if ((sql.charCodeAt(start + i) | 0x20) !== word.charCodeAt(i)) return false;
  }
  return !isWord(sql.charCodeAt(start + word.length));
}

/** What follows a word that may end a transaction, or may not. */
function inFull(verb: Verb, sql: string, start: number): Verb {
  const words = sql
    .slice(start, start + 80)
    .split(';', 1)[0]!
    .toLowerCase();
  if (verb === OTHER) return /^prepare\s+transaction\b/.test(words) ? DETACH : OTHER;
  if (verb === BEGIN) return /^(begin|start\s+transaction)\b/.test(words) ? BEGIN : OTHER;
  if (verb !== COMMIT && verb !== ROLLBACK) return verb;
  if (/^\w+\s+(work\s+|transaction\s+)?to\b|^\w+\s+prepared\b/.test(words)) return TRANSACTION;
  if (!/\band\s+chain\b/.test(words)) return verb;
  return verb === COMMIT ? COMMIT_CHAIN : ROLLBACK_CHAIN;
}

function isTemporary(sql: string, from: number): boolean {
  return /^\s+temp/i.test(sql.slice(from, from + 20));
}

/**
 * The verb behind the queries that a WITH defines: the first word of a statement that stands in no
 * parentheses.
 */
function mainVerb(sql: string, from: number): Verb {
  let depth = 0;
  for (let i = from; i < sql.length;) {
    const next = skipToken(sql, i, false);
    if (next > i) {
      i = next;
      continue;
    }
    const code = sql.charCodeAt(i);
    if (code === 0x28) depth++;
    else if (code === 0x29) depth--;
    else if (code === 0x3b) break;
    const end = wordEnd(sql, i);
    if (depth === 0 && end > i && end - i <= 7) {
      const word = sql.slice(i, end).toLowerCase();
      if (AFTER_WITH.has(word)) return BY_WORD.get(word)!;
    }
    i = end > i ? end : i + 1;
  }
  return OTHER;
}

/**
 * The verbs of all statements of a text, in order. A text without a semicolon inside costs what
 * `verbOf` does, and a search for one. The body of a routine or a trigger is part of the statement
 * that makes it.
 *
 * @param backslash Whether a backslash in a string escapes, as MySQL has it.
 */
export function verbsOf(sql: string, backslash: boolean): readonly Verb[] {
  const verbs: Verb[] = [];
  for (let i = 0; i < sql.length;) {
    const start = skipBlank(sql, i, true);
    if (start >= sql.length) break;
    verbs.push(verbOf(sql, start));
    if (ROUTINE.test(sql.slice(start, start + 200))) break;
    i = statementEnd(sql, start, backslash);
  }
  return verbs;
}

const ROUTINE =
  /^create\s+(or\s+replace\s+|definer\s*=\s*\S+\s+|aggregate\s+|temp\w*\s+)*(procedure|function|trigger|event|package)\b/i;

/**
 * Whether more than blanks follow the first semicolon, so that the text may hold several
 * statements.
 */
export function mayHoldSeveral(sql: string): boolean {
  const first = sql.indexOf(';');
  return first >= 0 && skipBlank(sql, first, true) < sql.length;
}

/** Behind the semicolon that ends the statement, or the end of the text. */
function statementEnd(sql: string, from: number, backslash: boolean): number {
  for (let i = from; i < sql.length;) {
    if (sql.charCodeAt(i) === 0x3b) return i + 1;
    const next = skipToken(sql, i, backslash);
    i = next > i ? next : Math.max(wordEnd(sql, i), i + 1);
  }
  return sql.length;
}

/** Behind the comment, string or quoted name that begins at `i`; `i` itself where none does. */
function skipToken(sql: string, i: number, backslash: boolean): number {
  const code = sql.charCodeAt(i);
  if (code === 0x2d || code === 0x2f || code === 0x23) return skipComment(sql, i);
  if (code === 0x27) return skipQuoted(sql, i, backslash || isEscapeString(sql, i));
  if (code === 0x22 || code === 0x60) return skipQuoted(sql, i, backslash && code === 0x22);
  if (code === 0x24) return skipDollarQuoted(sql, i);
  return i;
}

/** PostgreSQL's `E'...'`. */
function isEscapeString(sql: string, quote: number): boolean {
  return (sql.charCodeAt(quote - 1) | 0x20) === 0x65 && !isWord(sql.charCodeAt(quote - 2));
}

function skipQuoted(sql: string, from: number, backslash: boolean): number {
  const quote = sql.charCodeAt(from);
  for (let i = from + 1; i < sql.length; i++) {
    const code = sql.charCodeAt(i);
    if (code === 0x5c && backslash) i++;
    // A doubled quote is taken for two strings side by side, which comes to the same.
    else if (code === quote) return i + 1;
  }
  return sql.length;
}

/** PostgreSQL's `$tag$ ... $tag$`; `$1` is a parameter. */
function skipDollarQuoted(sql: string, from: number): number {
  const tagEnd = wordEnd(sql, from + 1);
  const first = sql.charCodeAt(from + 1);
  if (sql.charCodeAt(tagEnd) !== 0x24 || (first >= 0x30 && first <= 0x39)) return from;
  const end = sql.indexOf(sql.slice(from, tagEnd + 1), tagEnd + 1);
  return end < 0 ? sql.length : end + (tagEnd + 1 - from);
}

/**
 * Behind `-- ...`, `# ...` or a block; `i` itself where there is none. What stands in MySQL's
 * `/*! ... *\/` is no comment.
 */
function skipComment(sql: string, i: number): number {
  const code = sql.charCodeAt(i);
  const next = sql.charCodeAt(i + 1);
  if (code === 0x2d && next === 0x2d) return lineEnd(sql, i);
  // PostgreSQL has operators that begin so (`#>`, `#-`); a comment has a blank or a word there.
  if (code === 0x23 && (next <= 0x20 || isWord(next))) return lineEnd(sql, i);
  if (code !== 0x2f || next !== 0x2a) return i;
  if (sql.charCodeAt(i + 2) === 0x21) {
    let at = i + 3;
    while (sql.charCodeAt(at) >= 0x30 && sql.charCodeAt(at) <= 0x39) at++;
    return at;
  }
  const end = sql.indexOf('*/', i + 2);
  return end < 0 ? sql.length : end + 2;
}

function lineEnd(sql: string, from: number): number {
  const end = sql.indexOf('\n', from);
  return end < 0 ? sql.length : end + 1;
}

/** Behind blanks, comments and, where `more`, parentheses and semicolons. */
function skipBlank(sql: string, from: number, more: boolean): number {
  let i = from;
  while (i < sql.length) {
    const code = sql.charCodeAt(i);
    if (code <= 0x20 || code === 0xfeff || (more && (code === 0x28 || code === 0x3b))) {
      i++;
      continue;
    }
    const next = code === 0x2d || code === 0x2f || code === 0x23 ? skipComment(sql, i) : i;
    if (next === i) break;
    i = next;
  }
  return i;
}

function wordEnd(sql: string, from: number): number {
  let i = from;
  while (isWord(sql.charCodeAt(i))) i++;
  return i;
}

function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x30 && code <= 0x39)
  );
}

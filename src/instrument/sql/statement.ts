import { type Dialect, isWord, skipBlank, Tokens, wordEnd } from './lexer.ts';

/** The kind of a statement, by the label `operation`. */
export type DatabaseOperation = 'select' | 'insert' | 'update' | 'delete' | 'ddl' | 'transaction' | 'other';

/**
 * What a statement does to the transaction of its connection:
 *
 * - `begin`, `commit`, `rollback`, `savepoint`, `release`, `rollback_to` as they are called;
 * - `detach`: the transaction is prepared, and the connection no longer has it;
 * - `prepared_commit`, `prepared_rollback`: a prepared transaction ends, of whatever connection;
 * - `autocommit_on`, `autocommit_off`: MySQL's setting for this connection;
 * - `implicit_commit`, `lock`, `unlock`: MySQL commits, for `unlock` if tables are locked.
 */
export type TransactionEffect =
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'rollback_to'
  | 'detach'
  | 'prepared_commit'
  | 'prepared_rollback'
  | 'autocommit_on'
  | 'autocommit_off'
  | 'implicit_commit'
  | 'lock'
  | 'unlock';

/** The meaning of a statement. */
export interface Statement {
  readonly operation: DatabaseOperation;
  readonly effect?: TransactionEffect | undefined;
  /** True if the next transaction begins at once: `COMMIT AND CHAIN`. */
  readonly chain?: boolean | undefined;
  /** The savepoint's name, folded as its dialect compares names. */
  readonly savepoint?: string | undefined;
}

const transactional = (effect?: TransactionEffect): Statement => ({ operation: 'transaction', effect });
const OTHER: Statement = { operation: 'other' };
const COMMITTING: Statement = { operation: 'other', effect: 'implicit_commit' };
const DDL: Statement = { operation: 'ddl', effect: 'implicit_commit' };
const TEMPORARY: Statement = { operation: 'ddl' };
const TRANSACTION: Statement = transactional();
const BEGIN: Statement = transactional('begin');
const COMMIT: Statement = transactional('commit');
const ROLLBACK: Statement = transactional('rollback');
const DETACH: Statement = transactional('detach');
const PREPARED_COMMIT: Statement = transactional('prepared_commit');
const PREPARED_ROLLBACK: Statement = transactional('prepared_rollback');
const COMMIT_CHAIN: Statement = { ...COMMIT, chain: true };
const ROLLBACK_CHAIN: Statement = { ...ROLLBACK, chain: true };
const AUTOCOMMIT_ON: Statement = { operation: 'other', effect: 'autocommit_on' };
const AUTOCOMMIT_OFF: Statement = { operation: 'other', effect: 'autocommit_off' };

/** Statements of operations that come without SQL. */
export const STATEMENTS: { readonly [operation in Exclude<DatabaseOperation, 'transaction'>]: Statement } = {
  select: { operation: 'select' },
  insert: { operation: 'insert' },
  update: { operation: 'update' },
  delete: { operation: 'delete' },
  ddl: TEMPORARY,
  other: OTHER,
};

/** Reads on behind the first word: `words` are those of the statement, the first included. */
type Reader = (words: readonly string[], tokens: HeadTokens) => Statement;
interface HeadTokens {
  readonly sql: string;
  readonly start: number;
  readonly dialect: Dialect | undefined;
}

const BY_WORD: ReadonlyMap<string, Statement | Reader> = new Map<string, Statement | Reader>([
  ['select', STATEMENTS.select],
  ['values', STATEMENTS.select],
  ['table', STATEMENTS.select],
  ['insert', STATEMENTS.insert],
  ['replace', STATEMENTS.insert],
  ['update', STATEMENTS.update],
  ['delete', STATEMENTS.delete],
  ['with', (_, { sql, start, dialect }) => statementAt(sql, mainStatement(sql, start, dialect))],
  ['create', ddl],
  ['drop', ddl],
  ...['alter', 'truncate', 'rename', 'comment', 'grant', 'revoke', 'reindex'].map((word) => [word, DDL] as const),
  ['begin', begin],
  ['start', startTransaction],
  ['commit', end],
  ['end', end],
  ['rollback', rollBack],
  ['abort', rollBack],
  ['savepoint', (words, { dialect }) => ofSavepoint('savepoint', words[1], dialect)],
  [
    'release',
    (words, { dialect }) => ofSavepoint('release', words[words[1] === 'savepoint' ? 2 : 1] ?? words[1], dialect),
  ],
  ['prepare', (words) => (words[1] === 'transaction' ? DETACH : OTHER)],
  ['xa', xa],
  ['set', set],
  ['lock', (words) => (/^tables?$/.test(words[1] ?? '') ? { operation: 'other', effect: 'lock' } : OTHER)],
  ['unlock', (words) => (/^tables?$/.test(words[1] ?? '') ? { operation: 'other', effect: 'unlock' } : OTHER)],
  ...['analyze', 'optimize', 'check', 'repair'].map((word) => [word, maintenance] as const),
  ['load', (words) => (words[1] === 'index' ? COMMITTING : OTHER)],
  ['cache', (words) => (words[1] === 'index' ? COMMITTING : OTHER)],
  ['reset', (words) => (words[1] === 'persist' ? OTHER : COMMITTING)],
  ...['flush', 'install', 'uninstall', 'stop', 'change'].map((word) => [word, COMMITTING] as const),
]);

const LONGEST_WORD = 9;

/**
 * Reads a statement: its first word, or the main statement's behind a WITH. It looks no further
 * than it has to: some 50 ns for most statements, whatever their length. Nothing is kept of the
 * text. EXPLAIN, CALL, DECLARE, COPY, MERGE and everything unknown is `other`.
 *
 * @param from Position where the statement begins.
 */
export function readStatement(sql: string, dialect?: Dialect, from: number = 0): Statement {
  const at = statementStart(sql, from, dialect);
  const usual = usualStatement(sql, at);
  if (usual !== undefined) return usual;
  const wordAt = wordEnd(sql, at);
  if (wordAt === at || wordAt - at > LONGEST_WORD) return OTHER;
  const known = BY_WORD.get(sql.slice(at, wordAt).toLowerCase());
  if (typeof known !== 'function') return known ?? OTHER;
  return known(known === set ? readWords(sql, at, dialect, 64) : readWords(sql, at, dialect, 12), {
    sql,
    start: at,
    dialect,
  });
}

/** The position of a statement's first word: behind blanks, comments, parentheses and semicolons. */
function statementStart(sql: string, from: number, dialect: Dialect | undefined): number {
  for (let i = from; ; i++) {
    i = skipBlank(sql, i, dialect);
    const code = sql.charCodeAt(i);
    if (code !== 0x28 && code !== 0x3b) return i;
  }
}

/** The four that most statements are, found without taking the word out of the text. */
function usualStatement(sql: string, at: number): Statement | undefined {
  switch (sql.charCodeAt(at) | 0x20) {
    case 0x73:
      return isWordAt(sql, at, 'select') ? STATEMENTS.select : undefined;
    case 0x69:
      return isWordAt(sql, at, 'insert') ? STATEMENTS.insert : undefined;
    case 0x75:
      return isWordAt(sql, at, 'update') ? STATEMENTS.update : undefined;
    case 0x64:
      return isWordAt(sql, at, 'delete') ? STATEMENTS.delete : undefined;
    default:
      return undefined;
  }
}

function isWordAt(sql: string, at: number, word: string): boolean {
  for (let i = 1; i < word.length; i++) {
    if ((sql.charCodeAt(at + i) | 0x20) !== word.charCodeAt(i)) return false;
  }
  return !isWord(sql.charCodeAt(at + word.length));
}

/** The first tokens of a statement: words in lower case, anything quoted as it is written. */
function readWords(sql: string, at: number, dialect: Dialect | undefined, limit: number): string[] {
  const tokens = new Tokens(sql, at, dialect);
  const words: string[] = [];
  while (words.length < limit && tokens.next()) {
    const { kind, text } = tokens;
    if (text === ';') break;
    words.push(kind === 'word' ? text.toLowerCase() : text);
  }
  return words;
}

function ddl(words: readonly string[]): Statement {
  const at = words[1] === 'or' ? 3 : 1;
  return words[at] === 'temporary' || words[at] === 'temp' ? TEMPORARY : DDL;
}

/** Words that can follow BEGIN where it begins a transaction; otherwise it opens a block. */
const AFTER_BEGIN: ReadonlySet<string | undefined> = new Set([
  undefined,
  ...['work', 'transaction', 'tran', 'deferred', 'immediate', 'exclusive', 'concurrent'],
  ...['isolation', 'read', 'deferrable', 'not', ','],
]);

function begin(words: readonly string[]): Statement {
  const isBlock = words[1] === 'not' && words[2] !== 'deferrable';
  return AFTER_BEGIN.has(words[1]) && !isBlock ? BEGIN : OTHER;
}

function startTransaction(words: readonly string[]): Statement {
  return words[1] === 'transaction' ? BEGIN : COMMITTING;
}

function end(words: readonly string[]): Statement {
  if (words[1] === 'prepared') return PREPARED_COMMIT;
  return chains(words) ? COMMIT_CHAIN : COMMIT;
}

function rollBack(words: readonly string[], { dialect }: HeadTokens): Statement {
  if (words[1] === 'prepared') return PREPARED_ROLLBACK;
  // SQLite: ROLLBACK TRANSACTION name TO SAVEPOINT name
  const to = words.indexOf('to', 1);
  if (to < 0 || to > 3) return chains(words) ? ROLLBACK_CHAIN : ROLLBACK;
  const name = words[to + 1] === 'savepoint' ? (words[to + 2] ?? 'savepoint') : words[to + 1];
  return ofSavepoint('rollback_to', name, dialect);
}

/** `AND CHAIN`, but not `AND NO CHAIN`. */
function chains(words: readonly string[]): boolean {
  const at = words.indexOf('chain', 2);
  return at > 0 && words[at - 1] === 'and';
}

function ofSavepoint(effect: TransactionEffect, name: string | undefined, dialect: Dialect | undefined): Statement {
  return { operation: 'transaction', effect, savepoint: foldName(name ?? '', dialect) };
}

/** PostgreSQL tells names in quotes apart by case; MySQL and SQLite never do. */
function foldName(name: string, dialect: Dialect | undefined): string {
  const quote = name[0] === '[' ? ']' : (name[0] ?? '');
  const plain = /["'`[]/.test(name[0] ?? '') ? name.slice(1, -1).replaceAll(quote + quote, quote) : name.toLowerCase();
  return dialect === 'mysql' || dialect === 'sqlite' ? plain.toLowerCase() : plain;
}

function xa(words: readonly string[]): Statement {
  switch (words[1]) {
    case 'start':
    case 'begin':
      return words.includes('resume') ? TRANSACTION : BEGIN;
    case 'prepare':
      return DETACH;
    case 'commit':
      return words.includes('phase') ? COMMIT : PREPARED_COMMIT;
    case 'rollback':
      return PREPARED_ROLLBACK;
    default:
      return TRANSACTION;
  }
}

/** MySQL's `SET autocommit = 0`, among other variables, in any of its spellings. */
function set(words: readonly string[], { dialect }: HeadTokens): Statement {
  if (dialect === 'postgresql' || dialect === 'sqlite') return OTHER;
  if (words[1] === 'password') return COMMITTING;
  let found = OTHER;
  let global = false;
  for (let i = 1; i < words.length; i++) {
    const word = words[i]!;
    if (word === ',') global = false;
    else if (word === 'global' || word === 'persist' || word === 'persist_only') global = true;
    else if (word === 'autocommit' || word === '`autocommit`') {
      const value = words[words[i + 1] === ':' ? i + 3 : i + 2]?.replaceAll(/['"]/g, '').toLowerCase() ?? '';
      if (!global) found = /^(0|off|false)$/.test(value) ? AUTOCOMMIT_OFF : AUTOCOMMIT_ON;
    }
  }
  return found;
}

/** MySQL's maintenance of tables commits; MariaDB's ANALYZE of a statement does not. */
function maintenance(words: readonly string[]): Statement {
  return /^(tables?|view|local|no_write_to_binlog)$/.test(words[1] ?? '') ? COMMITTING : OTHER;
}

/** The main statements that a WITH can introduce. */
const AFTER_WITH: ReadonlySet<string> = new Set('select insert update delete replace values table merge'.split(' '));

/**
 * The position of the statement behind the queries that a WITH defines: the first of its words that
 * stands in no parentheses, and is no query's name. The end of the text if there is none.
 *
 * @param at Position of the word WITH.
 */
export function mainStatement(sql: string, at: number, dialect: Dialect | undefined): number {
  const tokens = new Tokens(sql, at, dialect);
  tokens.next();
  let depth = 0;
  let namesQuery = true;
  while (tokens.next()) {
    const { kind, word } = tokens;
    if (kind === 'symbol') {
      if (word === '(') depth++;
      else if (word === ')') depth--;
      else if (word === ';') break;
    }
    if (depth !== 0) continue;
    if (!namesQuery && kind === 'word' && AFTER_WITH.has(word)) return tokens.start;
    namesQuery = word === ',' || word === 'recursive';
  }
  return sql.length;
}

function statementAt(sql: string, at: number): Statement {
  const known = BY_WORD.get(sql.slice(at, wordEnd(sql, at)).toLowerCase());
  return typeof known === 'object' ? known : OTHER;
}

/** True if more than blanks follow the first semicolon, so that there may be several statements. */
export function mayHoldSeveral(sql: string): boolean {
  const first = sql.indexOf(';');
  return first >= 0 && statementStart(sql, first, undefined) < sql.length;
}

/**
 * Reads all statements of a text, in order. A text without a semicolon inside costs what
 * `readStatement` does, and a search for one. The body of a routine or a trigger is part of the
 * statement that creates it.
 */
export function readStatements(sql: string, dialect?: Dialect): readonly Statement[] {
  if (!mayHoldSeveral(sql)) {
    return statementStart(sql, 0, dialect) < sql.length ? [readStatement(sql, dialect)] : [];
  }
  const statements: Statement[] = [];
  for (let i = 0; ;) {
    const at = statementStart(sql, i, dialect);
    if (at >= sql.length) return statements;
    statements.push(readStatement(sql, dialect, at));
    i = statementEnd(sql, at, dialect);
  }
}

/** The position behind the semicolon that ends a statement, or the end of the text. */
function statementEnd(sql: string, at: number, dialect: Dialect | undefined): number {
  const tokens = new Tokens(sql, at, dialect);
  const hasBody = mayHaveBody(sql, at, dialect);
  const body = hasBody ? new Body(dialect) : undefined;
  let depth = 0;
  while (tokens.next()) {
    if (tokens.kind === 'symbol') {
      const code = sql.charCodeAt(tokens.start);
      // PostgreSQL's rules have lists of statements in parentheses.
      if (code === 0x28) depth++;
      else if (code === 0x29) depth = Math.max(0, depth - 1);
      else if (code === 0x3b && depth === 0 && body?.open !== true) return tokens.end;
    }
    body?.token(tokens);
  }
  return sql.length;
}

/** Words between CREATE and the kind of what is created. */
const BEFORE_KIND = /^(or|replace|temp|temporary|aggregate|constraint|if|not|exists|editionable|noneditionable)$/;

/** True for a routine, trigger or event that is created, and for MariaDB's BEGIN NOT ATOMIC. */
function mayHaveBody(sql: string, at: number, dialect: Dialect | undefined): boolean {
  const first = sql.charCodeAt(at) | 0x20;
  if (first !== 0x63 && first !== 0x62) return false;
  const words = readWords(sql, at, dialect, 16);
  if (words[0] === 'begin') return words[1] === 'not' && words[2] === 'atomic';
  if (words[0] !== 'create') return false;
  const kind = /^(procedure|function|trigger|event|package)$/;
  for (let i = 1; i < words.length; i++) {
    if (kind.test(words[i]!)) return true;
    // DEFINER = user@host is followed by the kind.
    if (words[i] === 'definer') return words.slice(i).some((word) => kind.test(word));
    if (!BEFORE_KIND.test(words[i]!)) return false;
  }
  return false;
}

/** Words behind which a statement of a MySQL routine can begin. */
const STATEMENT_FOLLOWS = /^([;:)]|begin|then|else|do|loop|repeat|row|deterministic|data|sql|invoker|definer)$/;
const BLOCK = /^(if|while|loop|repeat|for)$/;

/**
 * The blocks of a routine's body, so that the semicolons inside end no statement: BEGIN (in
 * PostgreSQL only BEGIN ATOMIC), CASE, and in MySQL IF, LOOP, WHILE, REPEAT and FOR, each to its END.
 */
class Body {
  readonly #dialect: Dialect | undefined;
  #depth = 0;
  #last = '';
  #beforeLast = '';

  constructor(dialect: Dialect | undefined) {
    this.#dialect = dialect;
  }

  get open(): boolean {
    return this.#depth > 0;
  }

  token(tokens: Tokens): void {
    const { word } = tokens;
    if (tokens.kind === 'word' && this.#last !== '.') this.#word(word);
    this.#beforeLast = this.#last;
    this.#last = word;
  }

  #word(word: string): void {
    const isPostgres = this.#dialect === 'postgresql';
    // END IF, END CASE and the like: END has closed the block.
    if (this.#last === 'end' && (word === 'case' || BLOCK.test(word))) return;
    if (word === 'atomic' && this.#last === 'begin' && isPostgres) this.#depth++;
    else if (word === 'begin' && !isPostgres) this.#depth++;
    else if (word === 'end' && this.#depth > 0) this.#depth--;
    else if (word === 'case' && (this.#depth > 0 || !isPostgres)) this.#depth++;
    else if (!isPostgres && this.#dialect !== 'sqlite' && BLOCK.test(word)) this.#block();
  }

  /** IF and REPEAT are functions too: as statements they stand where one can begin. */
  #block(): void {
    if (STATEMENT_FOLLOWS.test(this.#last) && !(this.#last === 'do' && this.#beforeLast === 'on')) this.#depth++;
  }
}

import { type DatabaseSeries, NO_ROWS } from '../../../instrument/database/series.ts';
import type { Statement } from '../../../instrument/sql/statement.ts';
import type { Listeners } from './listen.ts';
import { type Command, statementsOf, verbOfCommand } from './verbs.ts';

interface CommandEvent {
  readonly requestId: number;
}

interface CommandStarted extends CommandEvent {
  readonly commandName: string;
  readonly command: Command;
}

interface CommandSucceeded extends CommandEvent {
  readonly reply: unknown;
}

interface CommandFailed extends CommandEvent {
  readonly failure: unknown;
}

/** A number, or a Long. */
interface CursorId {
  toString(): string;
}

/** A cursor that the server keeps open. */
interface Cursor {
  readonly verb: Statement;
  readonly start: number;
  /** The number of rows that it has delivered, or `NO_ROWS`. */
  rows: number;
}

/** A command that was sent. */
interface Call extends Cursor {
  readonly name: string;
  /** The outcome of a transaction, if the command ends one. */
  readonly session: string | undefined;
  /** The cursor that it goes on with. */
  readonly cursor: string | undefined;
}

interface Reply {
  readonly n?: unknown;
  readonly value?: unknown;
  readonly values?: unknown;
  readonly cursor?: { readonly id?: CursorId; readonly firstBatch?: unknown; readonly nextBatch?: unknown };
  readonly writeErrors?: unknown;
  readonly writeConcernError?: unknown;
  readonly nErrors?: unknown;
}

/**
 * Cursors and transactions that nobody ends: the server drops them after a while and tells nobody.
 */
const LIMIT = 10_000;

/** The commands of a client, as its events tell. */
export class MongodbCommands {
  readonly #series: DatabaseSeries;
  readonly #calls: Map<number, Call> = new Map();
  readonly #cursors: Map<string, Cursor> = new Map();
  /** Sessions that have a transaction. */
  readonly #transactions: Map<string, true> = new Map();

  readonly listeners: Listeners = {
    commandStarted: (event: CommandStarted) => this.#started(event),
    commandSucceeded: (event: CommandSucceeded) => this.#succeeded(event),
    commandFailed: (event: CommandFailed) => this.#failed(event),
  };

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  #started({ requestId, commandName: name, command }: CommandStarted): void {
    if (name === 'getMore') {
      const id = String(command['getMore']);
      const cursor = this.#cursors.get(id);
      if (cursor) this.#calls.set(requestId, { ...cursor, name, session: undefined, cursor: id });
      return;
    }
    if (name === 'killCursors') {
      for (const id of command['cursors'] as readonly unknown[]) this.#end(String(id));
      return;
    }
    const verb = verbOfCommand(name, command);
    if (verb === undefined) return;
    const statements = statementsOf(name, command, verb);
    if (statements) {
      for (const each of statements) this.#series.started(each);
      this.#series.batched(statements.length);
    } else {
      this.#series.started(verb);
    }
    if (command['startTransaction'] === true) bounded(this.#transactions, sessionOf(command), true);
    const session = verb.operation === 'transaction' ? sessionOf(command) : undefined;
    const call = { name, verb: statements?.[0] ?? verb, start: performance.now(), rows: 0, session, cursor: undefined };
    this.#calls.set(requestId, call);
  }

  #succeeded({ requestId, reply: answered }: CommandSucceeded): void {
    const call = this.#take(requestId);
    if (call === undefined) return;
    const reply = (answered ?? {}) as Reply;
    const { id, firstBatch, nextBatch } = reply.cursor ?? {};
    const batch = (firstBatch ?? nextBatch) as readonly unknown[] | undefined;
    if (call.cursor !== undefined) {
      const cursor = this.#cursors.get(call.cursor);
      if (cursor && cursor.rows >= 0) cursor.rows += batch?.length ?? 0;
      if (String(id) === '0') this.#end(call.cursor);
      return;
    }
    const rows = rowsOf(call.name, reply, batch);
    if (id !== undefined && String(id) !== '0') {
      bounded(this.#cursors, String(id), { verb: call.verb, start: call.start, rows });
    } else {
      this.#series.ended(call.verb, secondsSince(call.start), rows);
    }
    const code = errorIn(reply);
    if (code !== undefined) this.#series.failed(code);
    if (call.session !== undefined && this.#transactions.delete(call.session)) {
      this.#series.transaction(call.name === 'commitTransaction' ? 'committed' : 'rolled_back');
    }
  }

  #failed({ requestId, failure }: CommandFailed): void {
    const call = this.#take(requestId);
    if (call === undefined) return;
    if (call.cursor === undefined) this.#series.ended(call.verb, secondsSince(call.start));
    else this.#end(call.cursor);
    // The driver does not care either: the server may have given up the transaction before.
    if (call.name !== 'abortTransaction') this.#series.failed(failure);
    if (call.session !== undefined && (call.name === 'abortTransaction' || isFinal(failure))) {
      if (this.#transactions.delete(call.session)) this.#series.transaction('rolled_back');
    }
  }

  #take(requestId: number): Call | undefined {
    const call = this.#calls.get(requestId);
    this.#calls.delete(requestId);
    return call;
  }

  /** A cursor is exhausted, closed, or lost. */
  #end(id: string): void {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined) return;
    this.#cursors.delete(id);
    this.#series.ended(cursor.verb, secondsSince(cursor.start), cursor.rows);
  }
}

/** Sets an entry, and drops the oldest where there are too many. */
function bounded<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  if (map.size > LIMIT) map.delete(map.keys().next().value!);
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

function sessionOf({ lsid }: Command): string {
  const { id } = (lsid ?? {}) as { readonly id?: { toString(encoding: string): string } };
  return id?.toString('hex') ?? '';
}

/** Returns the number of documents, or values, that a reply holds. */
function rowsOf(name: string, { value, values }: Reply, batch: readonly unknown[] | undefined): number {
  if (name === 'bulkWrite') return NO_ROWS;
  if (batch) return batch.length;
  if (name === 'count') return 1;
  if (name === 'distinct' && Array.isArray(values)) return values.length;
  if (name === 'findAndModify') return value ? 1 : 0;
  return NO_ROWS;
}

/** Returns the error inside the reply of a command that has succeeded, such as a duplicate key. */
function errorIn({ writeErrors, writeConcernError, nErrors, cursor }: Reply): string | undefined {
  const results = Number(nErrors) > 0 ? cursor?.firstBatch : undefined;
  const failed = firstOf(writeErrors, () => true) ?? writeConcernError ?? firstOf(results, ({ ok }) => ok === 0);
  return failed === undefined ? undefined : String((failed as { readonly code?: unknown }).code);
}

function firstOf(items: unknown, isIt: (item: { readonly ok?: unknown }) => boolean): unknown {
  return Array.isArray(items) ? (items as { readonly ok?: unknown }[]).find(isIt) : undefined;
}

/**
 * Whether a commit that failed leaves nothing to hope for: the driver and its users try others
 * again.
 */
function isFinal(failure: unknown): boolean {
  const { code, errorLabels } = failure as { readonly code?: unknown; readonly errorLabels?: readonly string[] };
  const MAX_TIME_EXPIRED = 50;
  return typeof code === 'number' && code !== MAX_TIME_EXPIRED && errorLabels?.includes('RetryableWriteError') !== true;
}

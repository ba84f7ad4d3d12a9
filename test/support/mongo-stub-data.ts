import { BSON } from 'mongodb';

export type Doc = Record<string, unknown>;

/** What was done to a document: where, and what takes it back. */
export interface Change {
  readonly key: string;
  readonly undo: () => void;
}

/** A transaction that is open, or that an error has ended. */
export interface Transaction {
  readonly changes: Change[];
  aborted: boolean;
}

/** What a server answers to what it refuses. */
export class CommandError extends Error {
  readonly reply: Doc;

  constructor(code: number, codeName: string, errmsg: string, errorLabels?: string[]) {
    super(errmsg);
    this.reply = { ok: 0, code, codeName, errmsg, ...(errorLabels && { errorLabels }) };
  }
}

/** Collections in memory, with unique indexes, and changes that can be taken back. */
export class MongoData {
  readonly #collections: Map<string, Map<string, Doc>> = new Map();
  readonly #unique: Map<string, string[]> = new Map();
  readonly #tally: Map<string, number> = new Map();

  /** What was committed in a database: `{ 'author insert': 3 }`. */
  truth(database: string): Record<string, number> {
    const own = [...this.#tally].filter(([key]) => key.startsWith(`${database}.`));
    return Object.fromEntries(own.map(([key, times]) => [key.slice(database.length + 1), times]));
  }

  commit(transaction: Transaction | undefined): void {
    for (const { key } of transaction?.changes.splice(0) ?? []) this.#count(key);
  }

  abort(transaction: Transaction): void {
    transaction.aborted = true;
    for (const { undo } of transaction.changes.splice(0).toReversed()) undo();
  }

  index(ns: string, field: string): void {
    this.#unique.set(ns, [...(this.#unique.get(ns) ?? []), field]);
  }

  /** Drops a collection, or all that begin so, with what is known of them. */
  drop(ns: string): void {
    for (const map of [this.#collections, this.#unique, this.#tally]) {
      for (const key of map.keys()) if (key === ns || (ns.endsWith('.') && key.startsWith(ns))) map.delete(key);
    }
  }

  find(ns: string, filter: Doc): Doc[] {
    return [...this.#documents(ns).values()].filter((doc) => matches(doc, filter));
  }

  aggregate(ns: string, pipeline: readonly Doc[]): Doc[] {
    let docs = this.find(ns, {});
    for (const stage of pipeline) {
      if ('$match' in stage) docs = docs.filter((doc) => matches(doc, stage['$match'] as Doc));
      else if ('$group' in stage) docs = docs.length > 0 ? [{ _id: 1, n: docs.length }] : [];
      else if ('$out' in stage || '$merge' in stage) docs = [];
      else
        throw new CommandError(40324, 'Location40324', `Unrecognized pipeline stage name: '${Object.keys(stage)[0]}'`);
    }
    return docs;
  }

  findAndModify(ns: string, command: Doc, transaction: Transaction | undefined): Doc {
    const [before] = this.find(ns, command['query'] as Doc);
    if (command['remove'] === true) {
      if (before) this.delete(ns, before, transaction);
      return { lastErrorObject: { n: before ? 1 : 0 }, value: before ?? null };
    }
    const one = { q: command['query'], u: command['update'], upsert: command['upsert'] };
    const { upserted } = this.update(ns, one, 0, transaction) as { upserted?: { _id: unknown } };
    const id = before?.['_id'] ?? upserted?._id;
    const after = id === undefined ? undefined : this.find(ns, { _id: id })[0];
    return {
      lastErrorObject: {
        n: id === undefined ? 0 : 1,
        updatedExisting: before !== undefined,
        ...(upserted && { upserted: upserted._id }),
      },
      value: (command['new'] === true ? after : before) ?? null,
    };
  }

  insert(ns: string, doc: Doc, transaction: Transaction | undefined): number {
    const docs = this.#documents(ns);
    for (const field of ['_id', ...(this.#unique.get(ns) ?? [])]) {
      const taken = [...docs.values()].some((other) => keyOf(other[field]) === keyOf(doc[field]));
      if (taken)
        throw new CommandError(11000, 'DuplicateKey', `E11000 duplicate key error collection: ${ns} index: ${field}_`);
    }
    docs.set(keyOf(doc['_id']), doc);
    this.#changed(ns, 'insert', () => docs.delete(keyOf(doc['_id'])), transaction);
    return 1;
  }

  update(ns: string, { q, u, multi, upsert }: Doc, index: number, transaction: Transaction | undefined): Doc {
    const docs = this.#documents(ns);
    const found = this.find(ns, q as Doc).slice(0, multi === true ? undefined : 1);
    if (found.length === 0 && upsert === true) {
      const doc = updated({ ...equalities(q as Doc) }, u as Doc, true);
      doc['_id'] ??= new BSON.ObjectId();
      this.insert(ns, doc, transaction);
      return { n: 1, nModified: 0, upserted: { index, _id: doc['_id'] } };
    }
    let nModified = 0;
    for (const before of found) {
      const after = updated(before, u as Doc, false);
      if (keyOf(after) === keyOf(before)) continue;
      nModified++;
      docs.set(keyOf(before['_id']), after);
      this.#changed(ns, 'update', () => docs.set(keyOf(before['_id']), before), transaction);
    }
    return { n: found.length, nModified };
  }

  delete(ns: string, doc: Doc, transaction: Transaction | undefined): void {
    const docs = this.#documents(ns);
    docs.delete(keyOf(doc['_id']));
    this.#changed(ns, 'delete', () => docs.set(keyOf(doc['_id']), doc), transaction);
  }

  #changed(ns: string, write: string, undo: () => void, transaction: Transaction | undefined): void {
    const key = `${ns} ${write}`;
    if (transaction) transaction.changes.push({ key, undo });
    else this.#count(key);
  }

  #count(key: string): void {
    this.#tally.set(key, (this.#tally.get(key) ?? 0) + 1);
  }

  #documents(ns: string): Map<string, Doc> {
    let docs = this.#collections.get(ns);
    if (!docs) this.#collections.set(ns, (docs = new Map()));
    return docs;
  }
}

function keyOf(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'number') return String(value);
  return BSON.EJSON.stringify({ value });
}

const OPERATORS: Readonly<Record<string, (actual: unknown, wanted: unknown) => boolean>> = {
  $eq: (actual, wanted) => keyOf(actual) === keyOf(wanted),
  $in: (actual, wanted) => (wanted as unknown[]).some((one) => keyOf(one) === keyOf(actual)),
  $lte: (actual, wanted) => (actual as number) <= (wanted as number),
  $gte: (actual, wanted) => (actual as number) >= (wanted as number),
};

function matches(doc: Doc, filter: Doc): boolean {
  return Object.entries(filter).every(([field, wanted]) => {
    const operators = isOperators(wanted) ? (wanted as Doc) : { $eq: wanted };
    return Object.entries(operators).every(([operator, value]) => {
      const test = OPERATORS[operator];
      if (!test || field.startsWith('$'))
        throw new CommandError(2, 'BadValue', `unknown operator: ${operator} ${field}`);
      return test(doc[field], value);
    });
  });
}

function isOperators(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => key.startsWith('$'));
}

function equalities(filter: Doc): Doc {
  return Object.fromEntries(Object.entries(filter).filter(([, wanted]) => !isOperators(wanted)));
}

function updated(doc: Doc, update: Doc, inserting: boolean): Doc {
  if (!isOperators(update)) return { _id: doc['_id'], ...update };
  const { $set, $setOnInsert, $inc, ...unknown } = update as Readonly<Record<string, Doc | undefined>>;
  if (Object.keys(unknown).length > 0)
    throw new CommandError(9, 'FailedToParse', `Unknown modifier: ${Object.keys(unknown)[0]}`);
  const after: Doc = Object.assign({}, doc, $set, inserting ? $setOnInsert : undefined);
  for (const [field, by] of Object.entries($inc ?? {})) after[field] = Number(after[field] ?? 0) + Number(by);
  return after;
}

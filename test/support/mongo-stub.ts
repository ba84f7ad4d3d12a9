import { createServer, type Server, type Socket } from 'node:net';
import { BSON } from 'mongodb';
import { CommandError, type Doc, MongoData, type Transaction } from './mongo-stub-data.ts';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

/**
 * Stands in for a MongoDB server where there is none: it speaks the wire protocol, keeps
 * collections in memory, with unique indexes, cursors and transactions that are taken back on
 * abort, and refuses what it does not know. It isolates nothing, plans nothing and stores nothing:
 * what drivers send and get is what it is for.
 */
export class MongoStub {
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets: Set<Socket> = new Set();
  readonly #data: MongoData = new MongoData();
  readonly #cursors: Map<string, Doc[]> = new Map();
  readonly #transactions: Map<string, Transaction> = new Map();
  #nextCursor: bigint = 10n ** 18n;
  #url: string = '';

  static async start(): Promise<MongoStub> {
    const stub = new MongoStub();
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    stub.#url = `mongodb://127.0.0.1:${(stub.#server.address() as { port: number }).port}/`;
    return stub;
  }

  get url(): string {
    return this.#url;
  }

  /** What was committed in a database: `{ 'author insert': 3 }`. */
  truth(database: string): Record<string, number> {
    return this.#data.truth(database);
  }

  /** Breaks all connections, as a server that is restarted does. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.disconnect();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let pending: Buffer = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const length = pending.readInt32LE(0);
        const answer = this.#answer(pending.subarray(0, length));
        if (answer) socket.write(answer);
        pending = pending.subarray(length);
      }
    });
  }

  #answer(message: Buffer): Buffer | undefined {
    const requestId = message.readInt32LE(4);
    const opCode = message.readInt32LE(12);
    if (opCode === OP_QUERY) {
      const at = message.indexOf(0, 20) + 9;
      const body = BSON.serialize(this.#run(BSON.deserialize(message.subarray(at))));
      const head = Buffer.alloc(20);
      head.writeInt32LE(1, 16);
      return frame(requestId, OP_REPLY, [head, body]);
    }
    const command: Doc = {};
    for (let at = 20; at < message.length;) {
      const kind = message[at++];
      const end = at + message.readInt32LE(at);
      if (kind === 0) Object.assign(command, BSON.deserialize(message.subarray(at, end)));
      else {
        const nameEnd = message.indexOf(0, at + 4);
        command[message.toString('utf8', at + 4, nameEnd)] = documentsIn(message.subarray(nameEnd + 1, end));
      }
      at = end;
    }
    const reply = this.#run(command);
    if ((message.readInt32LE(16) & 2) !== 0) return undefined;
    return frame(requestId, OP_MSG, [Buffer.alloc(5), BSON.serialize(reply)]);
  }

  #run(command: Doc): Doc {
    const session = (command['lsid'] as { id?: BSON.Binary } | undefined)?.id?.toString('hex') ?? '';
    const transaction = command['autocommit'] === false ? this.#transaction(command, session) : undefined;
    try {
      if (transaction?.aborted) throw noSuchTransaction();
      const reply = this.#execute(Object.keys(command)[0]!, command, session, transaction);
      if (transaction && reply['writeErrors']) this.#data.abort(transaction);
      return { ok: 1, ...reply };
    } catch (error) {
      if (transaction) this.#data.abort(transaction);
      if (error instanceof CommandError) return error.reply;
      return { ok: 0, code: 8, codeName: 'UnknownError', errmsg: String(error) };
    }
  }

  #transaction(command: Doc, session: string): Transaction {
    if (command['startTransaction'] === true) this.#transactions.set(session, { changes: [], aborted: false });
    return this.#transactions.get(session) ?? { changes: [], aborted: true };
  }

  #execute(name: string, command: Doc, session: string, transaction: Transaction | undefined): Doc {
    const database = command['$db'] as string;
    const ns = `${database}.${String(command[name])}`;
    switch (name) {
      case 'hello':
      case 'ismaster':
      case 'isMaster':
        return {
          ...{ helloOk: true, ismaster: true, isWritablePrimary: true, setName: 'stub', setVersion: 1 },
          ...{ hosts: [new URL(this.#url).host], me: new URL(this.#url).host, primary: new URL(this.#url).host },
          ...{ minWireVersion: 0, maxWireVersion: 25, logicalSessionTimeoutMinutes: 30 },
          ...{ maxBsonObjectSize: 2 ** 24, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
        };
      case 'ping':
      case 'endSessions':
        return {};
      case 'saslStart':
        throw new CommandError(18, 'AuthenticationFailed', 'Authentication failed.');
      case 'insert':
        return this.#writes(command['documents'] as Doc[], command, (doc) => ({
          n: this.#data.insert(ns, doc, transaction),
        }));
      case 'update':
        return this.#writes(command['updates'] as Doc[], command, (one, i) =>
          this.#data.update(ns, one, i, transaction),
        );
      case 'delete':
        return this.#writes(command['deletes'] as Doc[], command, ({ q, limit }) => {
          const found = this.#data.find(ns, q as Doc).slice(0, limit === 0 ? undefined : 1);
          for (const doc of found) this.#data.delete(ns, doc, transaction);
          return { n: found.length };
        });
      case 'bulkWrite':
        return this.#bulkWrite(command, transaction);
      case 'findAndModify':
        return this.#data.findAndModify(ns, command, transaction);
      case 'find': {
        const limit = Number(command['limit'] ?? 0) || undefined;
        return this.#cursor(ns, this.#data.find(ns, command['filter'] as Doc).slice(0, limit), command);
      }
      case 'aggregate':
        return this.#cursor(ns, this.#data.aggregate(ns, command['pipeline'] as Doc[]), command['cursor'] as Doc);
      case 'getMore':
        return this.#getMore(`${database}.${String(command['collection'])}`, String(command['getMore']), command);
      case 'killCursors':
        for (const id of command['cursors'] as unknown[]) this.#cursors.delete(String(id));
        return { cursorsKilled: command['cursors'] };
      case 'count':
        return { n: this.#data.find(ns, (command['query'] as Doc) ?? {}).length };
      case 'distinct': {
        const found = this.#data.find(ns, (command['query'] as Doc) ?? {});
        return { values: [...new Set(found.map((doc) => doc[command['key'] as string]))] };
      }
      case 'create':
        return {};
      case 'createIndexes':
        for (const { key, unique } of command['indexes'] as { key: Doc; unique?: boolean }[]) {
          if (unique) this.#data.index(ns, Object.keys(key)[0]!);
        }
        return { numIndexesBefore: 1, numIndexesAfter: 2, createdCollectionAutomatically: false };
      case 'drop':
        this.#data.drop(ns);
        return {};
      case 'dropDatabase':
        this.#data.drop(`${database}.`);
        return {};
      case 'commitTransaction':
        this.#data.commit(transaction);
        return {};
      case 'abortTransaction':
        if (!this.#transactions.delete(session)) throw noSuchTransaction();
        this.#data.abort(transaction!);
        return {};
      default:
        throw new CommandError(59, 'CommandNotFound', `no such command: '${name}'`);
    }
  }

  /** Each of several writes, up to the first that fails, or all. */
  #writes(each: readonly Doc[], command: Doc, write: (one: Doc, index: number) => Doc): Doc {
    const writeErrors: Doc[] = [];
    const sums: Record<string, number> = { n: 0 };
    const upserted: unknown[] = [];
    for (const [index, one] of each.entries()) {
      try {
        const done = write(one, index);
        for (const key of ['n', 'nModified']) if (key in done) sums[key] = (sums[key] ?? 0) + Number(done[key]);
        if (done['upserted']) upserted.push(done['upserted']);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        writeErrors.push({ index, code: error.reply['code'], errmsg: error.message });
        if (command['ordered'] !== false) break;
      }
    }
    return { ...sums, ...(upserted.length > 0 && { upserted }), ...(writeErrors.length > 0 && { writeErrors }) };
  }

  /** All of a client's, in whatever collections. */
  #bulkWrite(command: Doc, transaction: Transaction | undefined): Doc {
    const spaces = (command['nsInfo'] as { ns: string }[]).map(({ ns }) => ns);
    const sums = { nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0, nErrors: 0 };
    const results: Doc[] = [];
    for (const [idx, op] of (command['ops'] as Doc[]).entries()) {
      const ns = spaces[Number(op['insert'] ?? op['update'] ?? op['delete'])]!;
      try {
        if ('insert' in op) sums.nInserted += this.#data.insert(ns, op['document'] as Doc, transaction);
        else if ('update' in op) {
          const one = { q: op['filter'], u: op['updateMods'], multi: op['multi'], upsert: op['upsert'] };
          sums.nModified += Number(this.#data.update(ns, one, idx, transaction)['nModified']);
        } else {
          for (const doc of this.#data.find(ns, op['filter'] as Doc)) this.#data.delete(ns, doc, transaction);
        }
        results.push({ ok: 1, idx, n: 1 });
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        sums.nErrors++;
        results.push({ ok: 0, idx, code: error.reply['code'], errmsg: error.message, n: 0 });
        if (command['ordered'] !== false) break;
      }
    }
    return { ...sums, cursor: { id: BSON.Long.ZERO, ns: 'admin.$cmd.bulkWrite', firstBatch: results } };
  }

  #cursor(ns: string, docs: readonly Doc[], { batchSize, singleBatch }: Doc): Doc {
    const size = Number(batchSize ?? 101);
    const rest = docs.slice(size);
    const id = rest.length > 0 && singleBatch !== true ? ++this.#nextCursor : 0n;
    if (id !== 0n) this.#cursors.set(String(id), rest);
    return { cursor: { id: BSON.Long.fromBigInt(id), ns, firstBatch: docs.slice(0, size) } };
  }

  #getMore(ns: string, id: string, { batchSize }: Doc): Doc {
    const rest = this.#cursors.get(id);
    if (!rest) throw new CommandError(43, 'CursorNotFound', `cursor id ${id} not found`);
    const nextBatch = rest.splice(0, Number(batchSize ?? Infinity));
    if (rest.length === 0) this.#cursors.delete(id);
    return { cursor: { id: rest.length > 0 ? BSON.Long.fromString(id) : BSON.Long.ZERO, ns, nextBatch } };
  }
}

function noSuchTransaction(): CommandError {
  return new CommandError(251, 'NoSuchTransaction', 'Transaction has been aborted.', ['TransientTransactionError']);
}

function frame(responseTo: number, opCode: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(16);
  for (const [i, value] of [16 + body.length, 1, responseTo, opCode].entries()) head.writeInt32LE(value, i * 4);
  return Buffer.concat([head, body]);
}

function documentsIn(buffer: Buffer): Doc[] {
  const docs: Doc[] = [];
  for (let at = 0; at < buffer.length; at += buffer.readInt32LE(at))
    docs.push(BSON.deserialize(buffer.subarray(at, at + buffer.readInt32LE(at))));
  return docs;
}

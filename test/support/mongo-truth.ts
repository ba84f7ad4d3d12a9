import { MongoClient } from 'mongodb';
import type { MongoStub } from './mongo-stub.ts';

/** What a server itself knows of the documents that were written and committed. */
export interface MongoTruth {
  /** As `{ 'author insert': 3 }`. */
  read(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

const WRITES: Readonly<Record<string, string>> = {
  insert: 'insert',
  update: 'update',
  replace: 'update',
  delete: 'delete',
};

/** The stand-in keeps a tally; a real server tells by a change stream, which replica sets have. */
export async function mongoTruth(url: string, stub: MongoStub, database: string): Promise<MongoTruth> {
  if (url === stub.url) return { read: async () => stub.truth(database), close: async () => {} };
  const client = new MongoClient(url);
  const db = client.db(database);
  const tally: Record<string, number> = {};
  const marked: (() => void)[] = [];
  const changes = db.watch();
  changes.on('change', (change) => {
    if (!('ns' in change) || !('coll' in change.ns)) return;
    const write = WRITES[change.operationType];
    const key = `${change.ns.coll} ${write}`;
    if (change.ns.coll === 'marks') marked.shift()?.();
    else if (write) tally[key] = (tally[key] ?? 0) + 1;
  });
  await new Promise((resolve) => changes.once('resumeTokenChanged', resolve));
  return {
    // Changes come in order: what came before the mark is there when the mark is.
    read: async () => {
      const mark = new Promise<void>((resolve) => marked.push(resolve));
      await db.collection('marks').insertOne({});
      await mark;
      return { ...tally };
    },
    close: async () => {
      await changes.close();
      await client.close();
    },
  };
}

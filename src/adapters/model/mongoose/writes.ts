import type { Write } from '../../../instrument/sql/sql-write.ts';

/** The number of documents that a call has written. */
export type Writes = Readonly<Record<Write, number>>;

/** The counts in the driver's results, and in its errors of bulk writes. */
interface Counts {
  readonly insertedCount?: number;
  readonly upsertedCount?: number;
  readonly modifiedCount?: number;
  readonly deletedCount?: number;
}

/** The result of `findOneAnd...` with `includeResultMetadata`. */
interface ModifyResult {
  readonly value?: unknown;
  readonly lastErrorObject?: { readonly updatedExisting?: boolean; readonly upserted?: unknown };
}

const NOTHING: Writes = { insert: 0, update: 0, delete: 0 };

/**
 * @param result What the collection's method has given.
 * @param withMetadata Whether it was told to say more than the document.
 */
export function writesOf(method: string, result: unknown, withMetadata: boolean): Writes {
  if (typeof result !== 'object' || result === null) return NOTHING;
  if (method === 'insertOne') return { ...NOTHING, insert: 1 };
  if (!method.startsWith('findOneAnd')) return counted(result);
  const { value, lastErrorObject } = (withMetadata ? result : { value: result }) as ModifyResult;
  if (method === 'findOneAndDelete') return { ...NOTHING, delete: value ? 1 : 0 };
  if (lastErrorObject?.upserted !== undefined) return { ...NOTHING, insert: 1 };
  return { ...NOTHING, update: (lastErrorObject?.updatedExisting ?? value) ? 1 : 0 };
}

/** Returns what was written before a bulk write failed. */
export function writesOfError(error: unknown): Writes {
  return typeof error === 'object' && error !== null ? counted(error) : NOTHING;
}

function counted({ insertedCount = 0, upsertedCount = 0, modifiedCount = 0, deletedCount = 0 }: Counts): Writes {
  return { insert: insertedCount + upsertedCount, update: modifiedCount, delete: deletedCount };
}

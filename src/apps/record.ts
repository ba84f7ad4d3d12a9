import type { FamilyDefinition, FamilySnapshot } from '../snapshot/snapshot.ts';
import type { Note } from '../store/board.ts';

/**
 * What is known of a collector: its last good values, and how its last run went. On the board, so
 * that all processes know the same.
 */
export interface CollectedRecord {
  readonly app: string;
  readonly collector: string;
  /** When the last run began, in ms of the Unix epoch. */
  readonly attemptedAt: number;
  /** How long it took, in ms. */
  readonly tookMs: number;
  readonly succeeded: boolean;
  /**
   * When the run began that gave the families, in ms of the Unix epoch; `undefined` where none ever
   * succeeded.
   */
  readonly collectedAt?: number | undefined;
  /** How often it is to run. */
  readonly refreshMs: number;
  /** For how long they are shown. */
  readonly keepMs: number;
  readonly families: readonly FamilySnapshot[];
}

/** Beyond this it takes too long to read. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const VERSION = 1;

type StoredDefinition = Pick<FamilyDefinition, 'name' | 'help' | 'unit' | 'labelNames'> & { type: 'gauge' | 'counter' };
type StoredFamily = readonly [definition: StoredDefinition, series: string[][], values: (number | string)[]];

/** @returns `undefined` where it is too large. */
export function encodeRecord(record: CollectedRecord): string | undefined {
  const families = record.families.map(({ definition, series, values }) => {
    const { name, type, help, unit, labelNames } = definition;
    // JSON knows no infinities.
    const numbers = Array.from(values, (value) => (Number.isFinite(value) ? value : String(value)));
    return [{ name, type, help, unit, labelNames }, series, numbers];
  });
  const text = JSON.stringify({ version: VERSION, ...record, families });
  return text.length <= MAX_CHARACTERS ? text : undefined;
}

const decoded: WeakMap<Note, CollectedRecord | 'unknown'> = new WeakMap();

/**
 * What a note says; `undefined` where it is none of ours, or a later version's. The same object for
 * the same note.
 */
export function decodeRecord(note: Note): CollectedRecord | undefined {
  let record = decoded.get(note);
  if (record === undefined) decoded.set(note, (record = decode(note.text) ?? 'unknown'));
  return record === 'unknown' ? undefined : record;
}

function decode(text: string): CollectedRecord | undefined {
  try {
    const given = JSON.parse(text) as { readonly version: number; readonly families: StoredFamily[] } & CollectedRecord;
    if (given.version !== VERSION) return undefined;
    return { ...given, families: (given.families as readonly StoredFamily[]).map(toFamily) };
  } catch {
    return undefined;
  }
}

function toFamily([definition, series, values]: StoredFamily): FamilySnapshot {
  const gauge = definition.type === 'gauge' ? ({ aggregation: 'sum', liveOnly: true } as const) : {};
  return {
    definition: { ...definition, ...gauge },
    series: series.map((labels) => Object.freeze(labels)),
    values: Float64Array.from(values, Number),
  };
}

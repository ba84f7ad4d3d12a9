import type { FamilyDefinition, FamilySnapshot } from '../snapshot/snapshot.ts';
import type { Note } from '../store/board.ts';

/**
 * The state of a collector: its last good values and its last run. It is on the board, shared by
 * all processes.
 */
export interface CollectedRecord {
  readonly app: string;
  readonly collector: string;
  /** When the last run began, in ms of the Unix epoch. */
  readonly attemptedAt: number;
  /** Duration of the last run, in ms. */
  readonly tookMs: number;
  readonly succeeded: boolean;
  /**
   * Start of the run that returned the families, in ms of the Unix epoch; `undefined` before the
   * first success.
   */
  readonly collectedAt?: number | undefined;
  /** Minimum time between runs, in ms. */
  readonly refreshMs: number;
  /** How long the families may be shown, in ms. */
  readonly keepMs: number;
  readonly families: readonly FamilySnapshot[];
}

/** Maximum size. Larger records take too long to read. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const VERSION = 1;

type StoredDefinition = Pick<FamilyDefinition, 'name' | 'help' | 'unit' | 'labelNames'> & { type: 'gauge' | 'counter' };
type StoredFamily = readonly [definition: StoredDefinition, series: string[][], values: (number | string)[]];

/** @returns `undefined` where it is too large. */
export function encodeRecord(record: CollectedRecord): string | undefined {
  const families = record.families.map(({ definition, series, values }) => {
    const { name, type, help, unit, labelNames } = definition;
    // JSON has no infinities.
    const numbers = Array.from(values, (value) => (Number.isFinite(value) ? value : String(value)));
    return [{ name, type, help, unit, labelNames }, series, numbers];
  });
  const text = JSON.stringify({ version: VERSION, ...record, families });
  return text.length <= MAX_CHARACTERS ? text : undefined;
}

const decoded: WeakMap<Note, CollectedRecord | 'unknown'> = new WeakMap();

/**
 * Decodes a note; returns `undefined` for one of another program or a later version. Returns the
 * same object for the same note.
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

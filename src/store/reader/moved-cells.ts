import type { NameRecord } from '../format/names-log.ts';
import type { SeriesEntry } from '../tables/family-table.ts';
import type { SlotTables } from '../tables/slot-tables.ts';

/** The series whose cells may hold another series' numbers in a reading. */
export interface MovedCells {
  /** Removed since the names were read: they are left out. */
  readonly removed: ReadonlySet<SeriesEntry>;
  /** Families that were removed as a whole. */
  readonly ended: ReadonlySet<number>;
  /** Got or lost blocks since: they must be read again. */
  readonly changed: ReadonlySet<SeriesEntry>;
}

/**
 * Judges a reading by the records that were appended while it went on. A series that is in none of
 * them had its cells all the time, so its numbers are its own. One that came since is not in the
 * tables, and shows with the next reading.
 */
export function movedCells({ families }: SlotTables, later: readonly NameRecord[]): MovedCells {
  const removed = new Set<SeriesEntry>();
  const ended = new Set<number>();
  const changed = new Set<SeriesEntry>();
  for (const record of later) {
    if (record[0] === 'free') continue;
    const table = families.get(record[1]);
    if (!table) continue;
    if (record[0] === 'end') ended.add(table.id);
    if (record[0] !== 'removal' && record[0] !== 'blocks' && record[0] !== 'unblock') continue;
    const entry = table.get(record[2]);
    if (entry) (record[0] === 'removal' ? removed : changed).add(entry);
  }
  for (const entry of removed) changed.delete(entry);
  return { removed, ended, changed };
}

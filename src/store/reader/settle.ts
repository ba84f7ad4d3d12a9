import fs from 'node:fs';
import type { TimeSlice } from '../../time-slice.ts';
import { rangeIn } from '../format/cells-file.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import type { FamilyTable, SeriesEntry } from '../tables/family-table.ts';

/** After so many readings of a series that never stands still, the last one counts. */
const TRIES = 8;

/**
 * A live process counts on while its cells are read, so that a sum may be from a moment later than
 * its counts. Series with a sum that changed between the reading in `chunks` and a second one are
 * read again by themselves, which takes a microsecond, until two readings agree. Only under a
 * writer that records several times in each of these microseconds does a sum stay ahead, by what
 * was recorded in one.
 */
export async function settle(
  families: Iterable<FamilyTable>,
  chunks: readonly Float64Array[],
  second: readonly Float64Array[],
  fd: number,
  slice: TimeSlice,
): Promise<void> {
  let steps = 0;
  for (const family of families) {
    const { definition } = family;
    if (definition.type !== 'histogram' && definition.type !== 'summary') continue;
    const width = cellsOf(definition);
    for (const entry of [family.fallback, ...family.entries()]) {
      const runs = runsOf(entry, width);
      if (runs.some(([cell, count]) => differ(chunks, second, cell, count))) readAgain(runs, chunks, fd);
      if ((++steps & 255) === 0 && slice.spent) await slice.rest();
    }
  }
}

type Run = readonly [cell: number, count: number];

function runsOf({ cell, blocks }: SeriesEntry, width: number): Run[] {
  const runs: Run[] = [[cell, width]];
  for (const block of blocks.values()) runs.push([block, BLOCK_CELLS]);
  return runs;
}

function differ(a: readonly Float64Array[], b: readonly Float64Array[], cell: number, count: number): boolean {
  const { cells, index } = rangeIn(a, cell);
  const other = rangeIn(b, cell).cells;
  for (let i = index; i < index + count; i++) if (!Object.is(cells[i], other[i])) return true;
  return false;
}

function readAgain(runs: readonly Run[], chunks: readonly Float64Array[], fd: number): void {
  for (let tries = 0; tries < TRIES; tries++) {
    let still = true;
    for (const [cell, count] of runs) {
      const { cells, index } = rangeIn(chunks, cell);
      const before = cells.slice(index, index + count);
      fs.readSync(fd, cells, index * 8, count * 8, cell * 8);
      still &&= before.every((value, i) => Object.is(value, cells[index + i]));
    }
    if (still) return;
  }
}

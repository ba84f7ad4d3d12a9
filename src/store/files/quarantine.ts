import fs from 'node:fs';
import { join } from 'node:path';
import { putAsideAt } from '../format/file-names.ts';
import { leadsTo } from './open-file.ts';
import { removeFile } from './shared-file.ts';
import { slotFile } from './slot-files.ts';

const KEPT = 16;

/**
 * Renames a slot's damaged files to `*.damaged-<time>`, for people to look at. Returns whether this
 * process did it.
 */
export function quarantine(directory: string, slot: string, namesFd: number): boolean {
  const names = slotFile(directory, slot, 'names');
  try {
    if (!leadsTo(names, namesFd)) return false;
    const suffix = `.damaged-${Date.now()}`;
    fs.renameSync(names, names + suffix);
    const cells = slotFile(directory, slot, 'cells');
    if (fs.existsSync(cells)) fs.renameSync(cells, cells + suffix);
    removeFile(slotFile(directory, slot, 'exemplars'));
    removeOldest(directory);
  } catch {
    return false; // Not allowed, or another process was faster.
  }
  process.emitWarning(
    `The files of ${slot} in the metrics directory ${directory} are damaged; they were renamed to *.damaged-*. ` +
      'What they held is missing from the page of processes that had not read it before.',
    { code: 'WARN_METRICS_DAMAGED_FILE' },
  );
  return true;
}

/** Keeps a copy of a damaged names file, under the name of one that was put aside. */
export function keepDamaged(directory: string, slot: string): void {
  const names = slotFile(directory, slot, 'names');
  try {
    fs.linkSync(names, `${names}.damaged-${Date.now()}`);
    removeOldest(directory);
  } catch {
    // A file system without links: people miss the file, the numbers do not.
  }
}

/** Removes all but the latest of the files that were put aside. */
export function removeOldest(directory: string): void {
  const aside = fs
    .readdirSync(directory)
    .filter((file) => putAsideAt(file) !== undefined)
    .sort((a, b) => putAsideAt(a)! - putAsideAt(b)!);
  for (const file of aside.slice(0, -KEPT)) removeFile(join(directory, file));
}

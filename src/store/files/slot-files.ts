import fs from 'node:fs';
import { join } from 'node:path';
import { type SlotFileKind, slotFileOf } from '../format/file-names.ts';

/** The path of one of a slot's files. */
export function slotFile(directory: string, slot: string, kind: SlotFileKind): string {
  return join(directory, `${slot}.${kind}`);
}

/**
 * Lists the slots of a directory, sorted.
 *
 * @throws Error of the file system.
 */
export function listSlots(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .flatMap((file) => {
      const found = slotFileOf(file);
      return found?.kind === 'names' ? [found.slot] : [];
    })
    .sort();
}

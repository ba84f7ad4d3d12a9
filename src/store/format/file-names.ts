/** Names of the files in a metrics directory (FORMAT.md): no other file is ever touched. */
export const DIRECTORY_FILE = 'directory.json';
export const LOCK_FILE = 'directory.lock';

/** The kinds of files of a slot. */
export type SlotFileKind = 'names' | 'cells' | 'exemplars';

const SLOT_FILE = /^([a-z0-9_]+-\d+)\.(names|cells|exemplars)$/;
const NOTE = /^([a-z0-9._-]+)\.note$/;
const NOTE_LOCK = /^[a-z0-9._-]+\.lock$/;
const TEMPORARY = /^(directory\.)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
const PUT_ASIDE = /^(?:[a-z0-9_]+-\d+\.(?:names|cells|exemplars)|directory\.json|[a-z0-9._-]+\.note)\.damaged-(\d+)$/;

/** The slot and kind of a slot's file. */
export function slotFileOf(file: string): { readonly slot: string; readonly kind: SlotFileKind } | undefined {
  const [, slot, kind] = SLOT_FILE.exec(file) ?? [];
  return slot === undefined ? undefined : { slot, kind: kind as SlotFileKind };
}

/** The name of the note that a file holds. */
export function noteOf(file: string): string | undefined {
  return NOTE.exec(file)?.[1];
}

export function isNoteLock(file: string): boolean {
  return NOTE_LOCK.test(file);
}

/** True for a file that is about to get its name, or whose maker was killed. */
export function isTemporary(file: string): boolean {
  return TEMPORARY.test(file);
}

/** When a damaged file was put aside, in ms of the Unix epoch; `undefined` for other files. */
export function putAsideAt(file: string): number | undefined {
  const [, at] = PUT_ASIDE.exec(file) ?? [];
  return at === undefined ? undefined : Number(at);
}

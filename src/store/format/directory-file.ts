import fs from 'node:fs';
import { join } from 'node:path';

/** What a directory remembers of itself, in `directory.json`. */
export interface DirectoryFile {
  readonly format: 'promenade';
  readonly version: number;
  /** Since when its sums have counted, in ms of the Unix epoch. */
  readonly createdAt: number;
  /**
   * Random, by each time that somebody had the directory begin anew: what was known of it before is
   * to be forgotten.
   */
  readonly reset?: string;
}

export const DIRECTORY_FILE = 'directory.json';

/**
 * What the directory at `path` says of itself, in this or a later version of the format. `damaged`:
 * what is there makes no sense.
 *
 * @throws Error of the file system, for what is there and can't be read.
 */
export function readDirectoryFile(path: string): DirectoryFile | 'missing' | 'damaged' {
  try {
    const file = JSON.parse(fs.readFileSync(join(path, DIRECTORY_FILE), 'utf8')) as Partial<DirectoryFile> | null;
    return file?.format === 'promenade' && Number.isFinite(file.createdAt) ? (file as DirectoryFile) : 'damaged';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    if (error instanceof SyntaxError || code === 'EISDIR') return 'damaged';
    throw error;
  }
}

/** The names of the slots in a directory, in order. */
export function slotNames(path: string): string[] {
  return fs
    .readdirSync(path)
    .filter((file) => /^[a-z0-9_]+-\d+\.names$/.test(file))
    .map((file) => file.slice(0, -'.names'.length))
    .sort();
}

import fs from 'node:fs';
import { join } from 'node:path';
import { decodeDirectoryFile, type DirectoryFile } from '../format/directory-file.ts';
import { DIRECTORY_FILE } from '../format/file-names.ts';
import { codeOf, openIfThere, readFrom } from './open-file.ts';

const MAX_BYTES = 65_536;

/**
 * Reads what a directory says of itself.
 *
 * @throws Error of the file system, for a file that is there and can't be read.
 */
export function readDirectoryFile(path: string): DirectoryFile | 'missing' | 'damaged' {
  let fd: number | undefined;
  try {
    fd = openIfThere(join(path, DIRECTORY_FILE));
  } catch (error) {
    if (['EISDIR', 'ENXIO', 'ENODEV', 'ENOTFILE'].includes(codeOf(error) ?? '')) return 'damaged';
    throw error;
  }
  if (fd === undefined) return 'missing';
  try {
    return decodeDirectoryFile(readFrom(fd, 0, MAX_BYTES).toString());
  } finally {
    fs.closeSync(fd);
  }
}

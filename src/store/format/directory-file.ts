/** What a directory says of itself, in `directory.json`. */
export interface DirectoryFile {
  readonly format: 'promenade';
  readonly version: number;
  /** Since when its sums have counted, in ms of the Unix epoch. */
  readonly createdAt: number;
  /** Random, and new at each reset: readers then forget what they knew before. */
  readonly reset?: string;
}

export function encodeDirectoryFile(createdAt: number, reset?: string): string {
  const file: DirectoryFile = { format: 'promenade', version: 1, createdAt, ...(reset !== undefined && { reset }) };
  return `${JSON.stringify(file)}\n`;
}

/** Decodes the file of this or a later version. */
export function decodeDirectoryFile(text: string): DirectoryFile | 'damaged' {
  try {
    const file = JSON.parse(text) as Partial<DirectoryFile> | null;
    return file?.format === 'promenade' && Number.isFinite(file.createdAt) ? (file as DirectoryFile) : 'damaged';
  } catch {
    return 'damaged';
  }
}

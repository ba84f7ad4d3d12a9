import fs from 'node:fs';
import { userInfo } from 'node:os';
import { MetricsError } from '../../errors.ts';

/** Runs file system work; turns its errors into ones that say what to do. */
export function attempt<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof MetricsError || code === undefined) throw error;
    throw directoryError(directory, error as NodeJS.ErrnoException);
  }
}

/** The error for a directory in which something failed. */
function directoryError(directory: string, cause: NodeJS.ErrnoException): MetricsError {
  const { code } = cause;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `there is no space left for the metrics directory ${directory}: make room, or choose another`;
    return new MetricsError('ERR_METRICS_STORE_FULL', message, { cause });
  }
  return new MetricsError('ERR_METRICS_STORE_DIRECTORY', explain(directory, cause), { cause });
}

function explain(directory: string, { code, path }: NodeJS.ErrnoException): string {
  const file = path !== undefined && path !== directory && fs.existsSync(path) ? path : undefined;
  if (code === 'ELOOP' || code === 'ENOTFILE') {
    return `${file ?? path ?? directory} is not a regular file: remove it, or choose another metrics directory`;
  }
  if (file !== undefined && (code === 'EACCES' || code === 'EPERM')) {
    return (
      `${file} belongs to ${ownerOf(file)}, and this process (${self()}) may not use it (${code}): ` +
      'remove it, or give both users a common group and the directory to it (chgrp GROUP, chmod 2775)'
    );
  }
  return `the metrics directory ${directory} can not be used (${code}): it must be a directory that this process may read and write`;
}

function ownerOf(path: string): string {
  const { uid } = fs.lstatSync(path);
  return uid === 0 ? 'root (uid 0)' : `uid ${uid}`;
}

function self(): string {
  const uid = process.getuid?.();
  return uid === undefined ? userInfo().username : `uid ${uid}`;
}

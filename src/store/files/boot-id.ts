import fs from 'node:fs';

let knownBootId: string | undefined;

/**
 * Identifies this run of this machine's system; `''` where the system does not tell, so that all
 * are one.
 */
export function bootId(): string {
  knownBootId ??= readBootId();
  return knownBootId;
}

function readBootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

import { readdirSync, statSync } from 'node:fs';
import { readProcFile, whereReadable } from './proc-file.ts';
import type { RuntimeFamilies } from './runtime-families.ts';

const DESCRIPTORS = '/proc/self/fd';

/** Open file descriptors and how many there may be: on Linux alone. */
export function collectProcessFileDescriptors(families: RuntimeFamilies): void {
  const labels = families.labels();
  const limit = whereReadable(() => softLimit(readProcFile('/proc/self/limits')));
  if (limit !== undefined) {
    families
      .gauge({ name: 'process_max_fds', help: 'How many file descriptors the process may have open.' })
      .labels(labels)
      .set(limit);
  }
  if (whereReadable(countDescriptors) === undefined) return;
  const open = families
    .gauge({
      name: 'process_open_fds',
      help: 'File descriptors that the process has open.',
      collect: look,
    })
    .labels(labels);

  function look(): void {
    open.set(countDescriptors());
  }
}

/**
 * Linux 6.2 and later tell the number as the directory's size; before, it is 0 and the entries have
 * to be listed (36 ms where 5,000 are open).
 */
function countDescriptors(): number {
  // The list has the one that it was read through.
  return statSync(DESCRIPTORS).size || readdirSync(DESCRIPTORS).length - 1;
}

function softLimit(limits: string): number {
  const [, limit] = /^Max open files\s+(\S+)/m.exec(limits)!;
  return limit === 'unlimited' ? Infinity : Number(limit);
}

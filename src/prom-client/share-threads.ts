import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { defaultRegistry, directoryOf, shareDirectory } from '../core/default-registry.ts';

/**
 * Has the main thread share a directory with the threads that it starts from now on: they find it
 * in the environment that they inherit. Where processes share one already nothing happens.
 * Idempotent.
 */
export function shareThreads(): void {
  if (!isMainThread || process.env['PROMETHEUS_MULTIPROC_DIR'] || directoryOf(defaultRegistry)) return;
  const directory = mkdtempSync(join(tmpdir(), 'promenade-threads-'));
  try {
    shareDirectory(defaultRegistry, { directory });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    process.emitWarning(`Each thread counts by itself: ${(error as Error).message}`, {
      code: 'WARN_METRICS_NOT_SHARED',
    });
    return;
  }
  process.env['PROMETHEUS_MULTIPROC_DIR'] = directory;
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { defaultRegistry, directoryOf, shareStore } from '../core/default-registry.ts';
import { turnOn } from './turn-on.ts';

/**
 * Shares a directory between the main thread and the threads that it starts from now on. No-op in
 * other threads, where processes share a directory already, and with metrics switched off.
 */
export function shareThreads(): void {
  const settings = isMainThread ? turnOn() : undefined;
  if (settings === undefined || directoryOf(defaultRegistry) !== undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'promenade-threads-'));
  try {
    shareStore(defaultRegistry, { ...settings, enabled: true, multiprocDir: directory });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    process.emitWarning(`Each thread counts by itself: ${(error as Error).message}`, {
      type: 'MetricsWarning',
      code: 'WARN_METRICS_NOT_SHARED',
    });
    return;
  }
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
}

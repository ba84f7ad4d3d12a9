import cluster from 'node:cluster';
import { runPrimary } from './primary.ts';
import { readSettings } from './settings.ts';

/**
 * Modules of a process are loaded by that process only, so that a mistake in the options is told at
 * once.
 */
async function main(): Promise<void> {
  if (cluster.isPrimary) return runPrimary(process.argv.slice(2), process.env);
  const settings = readSettings(process.env);
  if (process.env['INVENTORY_PROCESS'] === 'worker') {
    return (await import('./job-worker.ts')).runJobWorker(settings);
  }
  return (await import('./web-process.ts')).runWebProcess(settings);
}

try {
  await main();
} catch (error) {
  console.error(`inventory: ${error instanceof Error ? error.message : String(error)}`);
  // What was opened before it failed (a pool, the channel to the primary) would keep a process that
  // can't work alive.
  process.exit(1);
}

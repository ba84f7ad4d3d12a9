import cluster from 'node:cluster';
import { runPrimary } from './primary.ts';
import { readSettings } from './settings.ts';

/**
 * Each kind of process loads its own modules only, so that the primary reports wrong options at
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
  // Open handles, such as a pool or the channel to the primary, would keep a failed process alive.
  process.exit(1);
}

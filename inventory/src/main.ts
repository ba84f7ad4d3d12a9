import cluster from 'node:cluster';
import { runPrimary } from './primary.ts';
import { readSettings } from './settings.ts';
import { runWorker } from './worker.ts';

try {
  if (cluster.isPrimary) await runPrimary(process.argv.slice(2), process.env);
  else await runWorker(readSettings(process.env));
} catch (error) {
  console.error(`inventory: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

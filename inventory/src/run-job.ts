import { readFileSync } from 'node:fs';
import { jobDefinitions } from './jobs/jobs.ts';
import { instrumentJob } from 'promenade/job';
import { promenade } from 'promenade/worker';
import { openServices } from './services.ts';
import type { Settings } from './settings.ts';

/**
 * Runs one job in this process and prints its result, as a cron command would. Its numbers go to
 * the shared PROMETHEUS_MULTIPROC_DIR and stay there after it ends.
 *
 * @param input A file, or nothing for jobs that take none.
 * @throws Error when there is no such job, or it fails.
 */
export async function runJob(name: string | undefined, input: string | undefined, settings: Settings): Promise<void> {
  const definition = jobDefinitions.find((candidate) => candidate.name === name);
  if (!definition) {
    throw new Error(`There is no job "${name ?? ''}"; try one of ${jobDefinitions.map((job) => job.name).join(', ')}`);
  }
  const metrics = promenade({ role: 'command' });
  const services = await openServices(settings);
  try {
    const run = instrumentJob(
      definition.name,
      () => definition.run(input === undefined ? '' : readFileSync(input, 'utf8'), services),
      { queue: 'command' },
    );
    console.log(JSON.stringify(await run(), undefined, 2));
  } finally {
    await services.close();
    await metrics.close();
  }
}

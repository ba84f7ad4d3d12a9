import { resolve } from 'node:path';
import { environmentSettings } from '../settings/settings.ts';
import { type Arguments, type Surroundings, UsageError } from './command.ts';

/**
 * Returns the directory from the argument, the option or the environment.
 *
 * @throws UsageError where there is none, or an argument and the option contradict each other.
 */
export function metricsDirectory({ values, positionals }: Arguments, { env }: Surroundings): string {
  const given = [...new Set([positionals[0], values['directory']].filter((path) => path !== undefined))];
  if (given.length > 1) throw new UsageError(`Two directories are named, ${given.join(' and ')}: name one.`);
  const named = given[0] ?? environmentSettings([], env).multiprocDir;
  if (!named) throw new UsageError('Name the metrics directory, behind the options or in PROMETHEUS_MULTIPROC_DIR.');
  return resolve(named);
}

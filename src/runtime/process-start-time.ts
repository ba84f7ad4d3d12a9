import type { RuntimeFamilies } from './runtime-families.ts';

/** Shows the start time of the process. */
export function collectProcessStartTime(families: RuntimeFamilies): void {
  const started = Date.now() / 1000 - process.uptime();
  families
    .gauge({
      name: 'process_start_time_seconds',
      help: 'When the process began, in seconds of the Unix epoch.',
      unit: 'seconds',
    })
    .labels(families.labels())
    .set(started);
}

import type { RuntimeFamilies } from './runtime-families.ts';

/**
 * Measures CPU time since the start of the process. Each look adds the increase since the last one
 * to counters, and never sets a value, so that sums over processes and over successive owners of a
 * slot stay right.
 */
export function collectProcessCpu(families: RuntimeFamilies): () => () => void {
  let seen: NodeJS.CpuUsage = { user: 0, system: 0 };
  const labels = families.labels();
  const user = families
    .counter({
      name: 'process_cpu_user_seconds_total',
      help: 'CPU time spent in user mode.',
      unit: 'seconds',
      collect: look,
    })
    .labels(labels);
  const system = families
    .counter({ name: 'process_cpu_system_seconds_total', help: 'CPU time spent in the kernel.', unit: 'seconds' })
    .labels(labels);
  const both = families
    .counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time spent in user mode and in the kernel.',
      unit: 'seconds',
    })
    .labels(labels);

  function look(): void {
    const now = process.cpuUsage();
    // The kernel estimates the parts of its total: one of them can decrease by a tick.
    const userSeconds = Math.max(0, now.user - seen.user) / 1e6;
    const systemSeconds = Math.max(0, now.system - seen.system) / 1e6;
    user.inc(userSeconds);
    system.inc(systemSeconds);
    both.inc(userSeconds + systemSeconds);
    seen = { user: Math.max(now.user, seen.user), system: Math.max(now.system, seen.system) };
  }
  // Stopping takes a last look.
  return () => look;
}

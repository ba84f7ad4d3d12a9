import type { RuntimeFamilies } from './runtime-families.ts';

/**
 * CPU time since the process began. Counters to which each look adds what has come since the last
 * one, never a value that is set: so sums over processes, and over those that took a slot one after
 * the other, stay right.
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
    // The kernel splits its total by estimate: a part can go back by a tick.
    const userSeconds = Math.max(0, now.user - seen.user) / 1e6;
    const systemSeconds = Math.max(0, now.system - seen.system) / 1e6;
    user.inc(userSeconds);
    system.inc(systemSeconds);
    both.inc(userSeconds + systemSeconds);
    seen = { user: Math.max(now.user, seen.user), system: Math.max(now.system, seen.system) };
  }
  // The last look is at the end.
  return () => look;
}

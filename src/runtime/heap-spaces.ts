import { getHeapSpaceStatistics } from 'node:v8';
import type { RuntimeFamilies } from './runtime-families.ts';

/** Measures the spaces of this thread's JavaScript heap. */
export function collectHeapSpaces(families: RuntimeFamilies): void {
  const total = define('total', 'Size of a space of the JavaScript heap.', look);
  const used = define('used', 'What of a space of the JavaScript heap is used.');
  const available = define('available', 'What of a space of the JavaScript heap is free.');

  function define(what: string, help: string, collect?: () => void): ReturnType<RuntimeFamilies['gauge']> {
    return families.gauge({
      name: `nodejs_heap_space_size_${what}_bytes`,
      help,
      unit: 'bytes',
      labelNames: ['space'],
      ...(collect && { collect }),
    });
  }

  function look(): void {
    for (const space of getHeapSpaceStatistics()) {
      const labels = families.labels({ space: space.space_name.replace(/_space$/, '') });
      total.labels(labels).set(space.space_size);
      used.labels(labels).set(space.space_used_size);
      available.labels(labels).set(space.space_available_size);
    }
  }
}

import { getHeapStatistics } from 'node:v8';
import type { RuntimeFamilies } from './runtime-families.ts';

/**
 * Measures the JavaScript heap of this thread. `process.memoryUsage()` has the same values, but
 * would also read the resident size each time.
 */
export function collectHeapSize(families: RuntimeFamilies): void {
  const labels = families.labels();
  const total = families
    .gauge({
      name: 'nodejs_heap_size_total_bytes',
      help: 'Size of the JavaScript heap.',
      unit: 'bytes',
      collect: look,
    })
    .labels(labels);
  const used = families
    .gauge({ name: 'nodejs_heap_size_used_bytes', help: 'What of the JavaScript heap is used.', unit: 'bytes' })
    .labels(labels);
  const external = families
    .gauge({
      name: 'nodejs_external_memory_bytes',
      help: 'Memory outside the JavaScript heap that its objects hold, such as buffers.',
      unit: 'bytes',
    })
    .labels(labels);

  function look(): void {
    const heap = getHeapStatistics();
    total.set(heap.total_heap_size);
    used.set(heap.used_heap_size);
    external.set(heap.external_memory);
  }
}

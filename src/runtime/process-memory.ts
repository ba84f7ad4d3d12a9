import { readProcFile, whereReadable } from './proc-file.ts';
import type { RuntimeFamilies } from './runtime-families.ts';

const STATUS = '/proc/self/status';

/**
 * Measures the memory of the process as the system sees it; on other systems than Linux only the
 * resident size.
 */
export function collectProcessMemory(families: RuntimeFamilies): void {
  const labels = families.labels();
  const onLinux = whereReadable(() => readProcFile(STATUS)) !== undefined;
  const resident = families
    .gauge({
      name: 'process_resident_memory_bytes',
      help: 'Memory of the process that is in RAM.',
      unit: 'bytes',
      collect: onLinux ? readStatus : lookAtResident,
    })
    .labels(labels);
  function lookAtResident(): void {
    resident.set(process.memoryUsage.rss());
  }
  if (!onLinux) return;

  const virtual = families
    .gauge({ name: 'process_virtual_memory_bytes', help: 'Address space that the process has mapped.', unit: 'bytes' })
    .labels(labels);
  const data = families
    .gauge({ name: 'process_heap_bytes', help: "The process's data segment (VmData), all heaps in it.", unit: 'bytes' })
    .labels(labels);

  function readStatus(): void {
    const status = readProcFile(STATUS);
    resident.set(bytesOf(status, 'VmRSS'));
    virtual.set(bytesOf(status, 'VmSize'));
    data.set(bytesOf(status, 'VmData'));
  }
}

function bytesOf(status: string, field: string): number {
  const start = status.indexOf(`\n${field}:`);
  return start < 0 ? NaN : Number.parseInt(status.slice(start + field.length + 2), 10) * 1024;
}

import { MetricsError } from '../../errors.ts';
import { type Koffi, loadKoffi } from './load-koffi.ts';

/** A stretch of a file, shared with every process that maps it. */
export interface Mapping {
  readonly address: bigint;
  readonly cells: Float64Array;
}

/** The system calls that Node lacks. They work on any local file system of Linux and macOS. */
export interface SystemCalls {
  /**
   * Takes an advisory lock (flock) without waiting. The kernel drops it when the last descriptor of
   * this opening is closed, however the process ends.
   */
  lock(fd: number, mode: 'exclusive' | 'shared'): boolean;
  unlock(fd: number): void;
  /**
   * Maps a stretch of a file for reading and writing. Never unmapped, since handles point into it.
   */
  map(fd: number, offset: number, bytes: number): Mapping;
  /** Maps a stretch of another file in the place of a mapping; arrays on it now see that file. */
  replace(mapping: Mapping, fd: number, offset: number): void;
  /** Puts private memory in the place of a mapping, so that writes to it reach no file. */
  detach(mapping: Mapping): void;
}

const LOCK_SHARED = 1;
const LOCK_EXCLUSIVE = 2;
const LOCK_NO_WAIT = 4;
const LOCK_RELEASE = 8;
const READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = process.platform === 'linux' || process.platform === 'android' ? 0x20 : 0x1000;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let loaded: SystemCalls | undefined;

/**
 * Loads the system calls, once; some 10 ms.
 *
 * @throws MetricsError ERR_METRICS_STORE_UNSUPPORTED where there are none (Windows, Electron, a
 *   platform without a prebuilt koffi).
 */
export function systemCalls(): SystemCalls {
  return (loaded ??= load());
}

function load(): SystemCalls {
  if (process.platform === 'win32') throw unsupported('Windows has no flock and mmap');
  let koffi: Koffi;
  let mmap: (
    address: bigint | null,
    bytes: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => bigint;
  let flock: (fd: number, operation: number) => number;
  try {
    koffi = loadKoffi();
    const libc = koffi.load(null);
    mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');
    flock = libc.func('int flock(int, int)');
    probe(koffi, mmap);
  } catch (error) {
    throw unsupported('koffi, which calls flock and mmap, could not be loaded', error);
  }

  const mapAt = (address: bigint | null, bytes: number, flags: number, fd: number, offset: number): bigint => {
    const result = mmap(address, bytes, READ_WRITE, flags, fd, offset);
    if (BigInt.asUintN(64, result) === MAP_FAILED) {
      throw new MetricsError(
        'ERR_METRICS_STORE_DIRECTORY',
        `mapping a file of the metrics directory failed (errno ${koffi.errno()})`,
      );
    }
    return result;
  };
  return {
    lock: (fd, mode) => flock(fd, (mode === 'exclusive' ? LOCK_EXCLUSIVE : LOCK_SHARED) | LOCK_NO_WAIT) === 0,
    unlock: (fd) => void flock(fd, LOCK_RELEASE),
    map: (fd, offset, bytes) => {
      const address = mapAt(null, bytes, MAP_SHARED, fd, offset);
      return { address, cells: new Float64Array(koffi.view(address, bytes)) };
    },
    replace: ({ address, cells }, fd, offset) => {
      mapAt(address, cells.byteLength, MAP_SHARED | MAP_FIXED, fd, offset);
    },
    detach: ({ address, cells }) => {
      mapAt(address, cells.byteLength, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    },
  };
}

/** Some runtimes (Electron) let no array lie outside their own heap: better to learn it here. */
function probe(
  koffi: Koffi,
  mmap: (address: null, bytes: number, protection: number, flags: number, fd: number, offset: number) => bigint,
): void {
  const address = mmap(null, 65_536, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const cells = new Float64Array(koffi.view(address, 65_536));
  cells[0] = 1;
  if (cells[0] !== 1) throw new Error('memory outside the heap can not be written');
}

function unsupported(why: string, cause?: unknown): MetricsError {
  return new MetricsError(
    'ERR_METRICS_STORE_UNSUPPORTED',
    `metrics of several processes are not available here: ${why}; unset PROMETHEUS_MULTIPROC_DIR to count each process by itself`,
    { cause },
  );
}

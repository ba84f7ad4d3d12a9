import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BroadcastChannel, getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { MetricsError } from '../errors.ts';
import { pm2Application } from '../settings/process-manager.ts';
import type { Settings } from '../settings/settings-table.ts';
import { bootId } from './files/boot-id.ts';
import { listSlots, slotFile } from './files/slot-files.ts';
import { isSlotOwned } from './files/slot-lock.ts';
import { HeapStore } from './heap-store.ts';
import { MappedStore } from './mapped-store.ts';
import type { Store } from './store.ts';

/** The settings that decide where numbers live. */
export type StoreSettings = Pick<Settings, 'enabled' | 'multiprocDir' | 'role' | 'onColdStart'>;

/**
 * Opens the store that the settings ask for: shared files where there is a directory to share, else
 * the heap. With metrics off it is always the heap, so that build steps and commands leave no
 * files.
 *
 * @throws MetricsError as MappedStore does, for a directory in the settings. Where the directory of
 *   a cluster or of PM2 fails, it warns and falls back to the heap.
 */
export function openStore({ enabled, multiprocDir, role = processRole(), onColdStart }: StoreSettings): Store {
  if (!enabled) return new HeapStore();
  if (multiprocDir !== undefined) return new MappedStore({ directory: multiprocDir, role, onColdStart });
  try {
    const directory = groupDirectory();
    if (directory !== undefined) return new MappedStore({ directory, role });
  } catch (error) {
    const why = (error as Error).message;
    process.emitWarning(`Each process counts by itself, and a scrape sees one of them only: ${why}`, {
      code: 'WARN_METRICS_NOT_SHARED',
    });
  }
  return new HeapStore();
}

const THREADS_DIRECTORY = 'promenade.directory';

/** Makes the threads that this one starts from now on share a directory, without configuration. */
export function tellThreads(directory: string): void {
  setEnvironmentData(THREADS_DIRECTORY, directory);
}

/** The directory that this process shares with the others of its cluster, or a thread with its process. */
function groupDirectory(): string | undefined {
  if (!isMainThread) return (getEnvironmentData(THREADS_DIRECTORY) as string | undefined) ?? joinThreads();
  const pm2 = pm2Application();
  if (pm2 !== undefined) return join(pm2.home, 'promenade', pm2.name.replaceAll(/[^\w.-]/g, '_'));
  if (cluster.isWorker) return clusterDirectory(process.ppid);
  return hasWorkers() || threadsCount() ? clusterDirectory(process.pid) : undefined;
}

const CHANNEL = 'promenade.threads';

/** True if a thread of this process counts where its main thread finds it. */
function threadsCount(): boolean {
  return fs.existsSync(processDirectory(process.pid));
}

/** Returns the directory of this thread's process, and tells its main thread to count there too. */
function joinThreads(): string {
  const directory = clusterDirectory(process.pid);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(directory);
  channel.close();
  return directory;
}

/** Calls back when a thread of this process has begun to count without a directory to share. */
export function onThreadJoined(callback: () => void): void {
  if (!isMainThread) return;
  const channel = new BroadcastChannel(CHANNEL);
  const joined = (): void => {
    channel.close();
    callback();
  };
  channel.addEventListener('message', joined, { once: true });
  channel.unref();
}

/**
 * Calls back when this process becomes a cluster's primary: from then on it shares a directory with
 * its workers.
 */
export function onFirstFork(callback: () => void): void {
  if (cluster.isPrimary && isMainThread) cluster.once('fork', callback);
}

function hasWorkers(): boolean {
  return cluster.isPrimary && isMainThread && Object.keys(cluster.workers ?? {}).length > 0;
}

function processRole(): string {
  if (!isMainThread) return 'thread';
  if (cluster.isWorker) return 'worker';
  return hasWorkers() ? 'primary' : 'app';
}

/**
 * Where the processes of a cluster meet without being told: its name says which primary (a pid,
 * when it started, on which running system), so that primary and workers find it each by itself,
 * and no other cluster does.
 */
function clusterDirectory(primary: number): string {
  const directory = processDirectory(primary);
  const parent = dirname(directory);
  fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
  refuseStrangers(parent);
  removeAbandoned(parent);
  return directory;
}

function processDirectory(pid: number): string {
  const identity = createHash('sha256')
    .update(`${bootId()} ${pid} ${startOf(pid)}`)
    .digest('hex')
    .slice(0, 16);
  return join(tmpdir(), `promenade-${process.getuid?.() ?? 'user'}`, `${pid}-${identity}`);
}

/** When a process started, in the system's own terms; `''` where it does not tell. */
function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold blanks; the start is field
    // 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/**
 * The folder for temporary files is everybody's: what lies there under our name may be somebody
 * else's.
 */
function refuseStrangers(parent: string): void {
  const stat = fs.lstatSync(parent);
  const uid = process.getuid?.();
  if (stat.isDirectory() && (uid === undefined || (stat.uid === uid && (stat.mode & 0o022) === 0))) return;
  throw new MetricsError(
    'ERR_METRICS_STORE_DIRECTORY',
    `${parent} belongs to somebody else, or others may write to it: set PROMETHEUS_MULTIPROC_DIR to a directory of your own`,
  );
}

/**
 * Clusters that are gone leave their directories behind: the next one that starts clears them away.
 */
function removeAbandoned(parent: string): void {
  for (const entry of fs.readdirSync(parent)) {
    const primary = Number(/^(\d+)-[0-9a-f]{16}$/.exec(entry)?.[1]);
    const path = join(parent, entry);
    try {
      // The lock tells what the pid does not: a primary in another container that shares the
      // folder.
      if (primary && !isRunning(primary) && !isInUse(path)) fs.rmSync(path, { recursive: true, force: true });
    } catch {
      // Another worker that starts just now is at the same, and was faster.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isInUse(path: string): boolean {
  return listSlots(path).some((slot) => isSlotOwned(slotFile(path, slot, 'names')));
}

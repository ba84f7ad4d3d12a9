import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { MetricsError } from '../errors.ts';
import { slotNames } from './format/directory-file.ts';
import { HeapStore } from './heap-store.ts';
import { MappedStore } from './mapped-store.ts';
import { bootId, isSlotOwned } from './writer/slot-claim.ts';
import type { Store } from './store.ts';

/** What decides where numbers live; what is not given is read from the environment. */
export interface StoreOptions {
  /** @default PROMETHEUS_MULTIPROC_DIR, or the directory that a cluster's processes share */
  readonly directory?: string | undefined;
  /** @default METRICS_ROLE, or what the process is: `primary`, `worker`, `thread`, `app` */
  readonly role?: string | undefined;
  /** @default METRICS_ON_COLD_START, or `keep` */
  readonly onColdStart?: 'keep' | 'reset' | undefined;
}

/**
 * Opens the store that options and environment ask for: shared files where there is a directory to
 * share, else the heap.
 *
 * @throws MetricsError as MappedStore does, where somebody asked for the directory; one that nobody
 *   named is done without, with a warning.
 */
export function openStore(options: StoreOptions = {}, env: NodeJS.ProcessEnv = process.env): Store {
  const role = options.role ?? processRole(env);
  const onColdStart = options.onColdStart ?? (env['METRICS_ON_COLD_START']?.trim() === 'reset' ? 'reset' : 'keep');
  const named = options.directory ?? namedDirectory(env);
  if (named !== undefined) return new MappedStore({ directory: named, role, onColdStart });
  try {
    const directory = groupDirectory(env);
    if (directory !== undefined) return new MappedStore({ directory, role });
  } catch (error) {
    const why = (error as Error).message;
    process.emitWarning(`Each process counts by itself, and a scrape sees one of them only: ${why}`, {
      code: 'WARN_METRICS_NOT_SHARED',
    });
  }
  return new HeapStore();
}

/** The directory that the environment names; none where metrics are switched off. */
function namedDirectory(env: NodeJS.ProcessEnv): string | undefined {
  if (isOff(env)) return undefined;
  return env['PROMETHEUS_MULTIPROC_DIR']?.trim() || env['prometheus_multiproc_dir']?.trim() || undefined;
}

/** The directory that this process shares with the others of its cluster, without being told. */
function groupDirectory(env: NodeJS.ProcessEnv): string | undefined {
  if (isOff(env)) return undefined;
  if (env['PM2_HOME'] && env['pm_id'] !== undefined) {
    return join(env['PM2_HOME'], 'promenade', (env['name'] ?? 'app').replaceAll(/[^\w.-]/g, '_'));
  }
  if (cluster.isWorker) return clusterDirectory(process.ppid);
  return hasWorkers() ? clusterDirectory(process.pid) : undefined;
}

/**
 * Calls back when this process becomes a cluster's primary: from then on it shares a directory with
 * its workers.
 */
export function onFirstFork(callback: () => void): void {
  if (cluster.isPrimary && isMainThread) cluster.once('fork', callback);
}

function isOff(env: NodeJS.ProcessEnv): boolean {
  return /^(false|0|no|off)$/i.test(env['METRICS_ENABLED']?.trim() ?? '');
}

function hasWorkers(): boolean {
  return cluster.isPrimary && isMainThread && Object.keys(cluster.workers ?? {}).length > 0;
}

function processRole(env: NodeJS.ProcessEnv): string {
  const given = env['METRICS_ROLE']?.trim();
  if (given) return given;
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
  const identity = createHash('sha256')
    .update(`${bootId()} ${primary} ${startOf(primary)}`)
    .digest('hex')
    .slice(0, 16);
  const parent = join(tmpdir(), `promenade-${process.getuid?.() ?? 'user'}`);
  fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
  refuseStrangers(parent);
  removeAbandoned(parent);
  return join(parent, `${primary}-${identity}`);
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
  return slotNames(path).some((slot) => isSlotOwned(join(path, `${slot}.names`)));
}

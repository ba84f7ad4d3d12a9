import { resolve } from 'node:path';
import { MetricsError } from '../errors.ts';
import { MappedStore } from '../store/mapped-store.ts';
import { onFirstFork, openStore, type StoreOptions } from '../store/open-store.ts';
import { Registry } from './registry.ts';

/**
 * Where metrics go that name no registry. Its numbers live in the directory that the environment
 * names (PROMETHEUS_MULTIPROC_DIR, or the one that a cluster's processes share), else on the heap:
 * decided when the first metric is defined. A process that forks its first cluster worker later
 * moves what it has counted to the directory that it then shares.
 */
export const defaultRegistry: Registry = new Registry({
  openStore: () => {
    const store = openStore();
    if (!store.shared) onFirstFork(() => defaultRegistry.moveTo(openStore()));
    return store;
  },
});

/**
 * Lets a registry share a directory with other processes, and takes along what it has counted.
 * Nothing happens where it shares that directory already.
 *
 * @throws MetricsError ERR_METRICS_STORE_DIRECTORY, ERR_METRICS_STORE_FULL,
 *   ERR_METRICS_STORE_UNSUPPORTED; ERR_METRICS_INVALID_OPTION where it shares another directory.
 */
export function shareDirectory(registry: Registry, options: StoreOptions & { readonly directory: string }): void {
  const store = registry.isOpen ? registry.store : undefined;
  if (!(store instanceof MappedStore)) return registry.moveTo(openStore(options));
  if (store.path === resolve(options.directory)) return;
  throw new MetricsError(
    'ERR_METRICS_INVALID_OPTION',
    `the registry already counts in ${store.path}, so it can not count in ${options.directory}: name one directory only`,
  );
}

/** The directory that a registry shares with other processes; `undefined` where it counts alone. */
export function directoryOf(registry: Registry): string | undefined {
  const { store } = registry;
  return store instanceof MappedStore ? store.path : undefined;
}

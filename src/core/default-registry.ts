import { resolve } from 'node:path';
import { MetricsError } from '../errors.ts';
import { environmentSettings } from '../settings/settings.ts';
import { MappedStore } from '../store/mapped-store.ts';
import { onFirstFork, onThreadJoined, openStore, type StoreSettings, tellThreads } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { Registry } from './registry.ts';

/** The settings that decide where the default registry counts. */
export const STORE_SETTINGS: readonly (keyof StoreSettings)[] = ['enabled', 'multiprocDir', 'role', 'onColdStart'];

/**
 * The registry of metrics that name no other. Its numbers lie on the heap until METRICS_ENABLED or
 * `promenade()` turns metrics on; then in the directory of the settings, or in the one that the
 * processes of a cluster share, and what was counted before moves along.
 */
export const defaultRegistry: Registry = new Registry({
  openStore: () => {
    const settings = environmentSettings(STORE_SETTINGS);
    return settings.enabled ? openShared(settings) : openStore(settings);
  },
});

/**
 * Lets a registry count where the settings say, and takes along what it has counted. No-op where it
 * shares a directory already. Without a directory in the settings, the default registry joins the
 * processes of its cluster; other registries stay on the heap.
 *
 * @throws MetricsError ERR_METRICS_STORE_DIRECTORY, ERR_METRICS_STORE_FULL,
 *   ERR_METRICS_STORE_UNSUPPORTED; ERR_METRICS_INVALID_OPTION where it shares another directory.
 */
export function shareStore(registry: Registry, settings: StoreSettings): void {
  const { multiprocDir } = settings;
  const store = registry.isOpen ? registry.store : undefined;
  if (store instanceof MappedStore) {
    if (multiprocDir === undefined || store.path === resolve(multiprocDir)) return;
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      `the registry already counts in ${store.path}, so it can not count in ${multiprocDir}: name one directory only`,
    );
  }
  if (multiprocDir === undefined && registry !== defaultRegistry) return;
  const next = registry === defaultRegistry ? openShared(settings) : openStore(settings);
  if (store === undefined || next.shared) registry.moveTo(next);
}

/** Opens the default registry's store, and tells those that may come to share it. */
function openShared(settings: StoreSettings): Store {
  const store = openStore(settings);
  if (store instanceof MappedStore) tellThreads(store.path);
  else followOthers(settings);
  return store;
}

let following = false;

/**
 * A process that forks its first cluster worker shares a directory with it from then on, and so does
 * one whose threads have begun to count.
 */
function followOthers(settings: StoreSettings): void {
  if (following) return;
  following = true;
  const share = (): void => shareStore(defaultRegistry, settings);
  onFirstFork(share);
  onThreadJoined(share);
}

/** Returns the directory that a registry shares with other processes; `undefined` for none. */
export function directoryOf(registry: Registry): string | undefined {
  const { store } = registry;
  return store instanceof MappedStore ? store.path : undefined;
}

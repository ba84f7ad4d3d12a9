import { openStore } from '../store/open-store.ts';
import { Registry } from './registry.ts';

/**
 * Where metrics go that name no registry. Its numbers live in the directory that the environment names (PROMETHEUS_MULTIPROC_DIR,
 * or the one that a cluster's processes share), else on the heap: decided when the first metric is defined.
 */
export const defaultRegistry: Registry = new Registry({ openStore: () => openStore() });

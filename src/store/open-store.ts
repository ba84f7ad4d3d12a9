import { HeapStore } from './heap-store.ts';
import type { Store } from './store.ts';

/** The store that options and environment ask for. */
export function openStore(): Store {
  return new HeapStore();
}

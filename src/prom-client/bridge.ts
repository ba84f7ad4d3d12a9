import type { Registry } from '../core/registry.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { fromFamily } from './from-family.ts';
import type { Family } from './types.ts';

/** What the bridge needs of a registry of prom-client or @prometheus-io/client. */
export interface PromClientRegistry {
  getMetricsAsJSON(): Promise<readonly object[]>;
}

/**
 * Shows what another registry counts on a page, without a change to the code that counts: a
 * registry of the real prom-client, or of
 * @prometheus-io/client. It is read when the page is, in this process alone. When it fails or does
 *   not answer in time the rest of the page is shown without it; a family whose name the page has
 *   already is left out.
 *
 *     bridgePromClient(defaultRegistry, client.register);
 *
 * Returns what ends it.
 */
export function bridgePromClient(registry: Registry, theirs: PromClientRegistry): () => void {
  return registry.addSource({
    name: 'prom-client',
    read: async () => toPage(registry, (await theirs.getMetricsAsJSON()) as readonly Family[]),
  });
}

/** Families for the page, but for those that make no sense, which are counted. */
export function toPage(registry: Registry, families: readonly Family[]): FamilySnapshot[] {
  return families.flatMap((family) => {
    try {
      return fromFamily(family);
    } catch {
      registry.self?.collectFailed(family.name);
      return [];
    }
  });
}

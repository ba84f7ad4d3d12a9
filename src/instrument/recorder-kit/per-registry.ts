import type { Registry } from '../../core/registry.ts';

/** By registry, then by name. */
const recorders: WeakMap<Registry, Map<string, unknown>> = new WeakMap();

/**
 * Returns a function that returns the one recorder of a registry, and makes it when the first
 * adapter asks. That adapter's `where` also decides on the names of the families; later ones join.
 *
 * @param name Tells recorders of one registry apart: the category.
 * @param make May throw; the next call tries again.
 */
export function perRegistry<W extends { readonly registry: Registry }, R>(
  name: string,
  make: (where: W) => R,
): (where: W) => R {
  return (where) => {
    let ofRegistry = recorders.get(where.registry);
    if (ofRegistry === undefined) recorders.set(where.registry, (ofRegistry = new Map()));
    let recorder = ofRegistry.get(name) as R | undefined;
    if (recorder === undefined) ofRegistry.set(name, (recorder = make(where)));
    return recorder;
  };
}

import { generationOf } from '../../core/activation.ts';
import type { Registry } from '../../core/registry.ts';

interface Recorders {
  readonly generation: number;
  readonly byName: Map<string, unknown>;
}

const recorders: WeakMap<Registry, Recorders> = new WeakMap();

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
    const generation = generationOf(where.registry);
    let ofRegistry = recorders.get(where.registry);
    if (ofRegistry?.generation !== generation) {
      recorders.set(where.registry, (ofRegistry = { generation, byName: new Map() }));
    }
    let recorder = ofRegistry.byName.get(name) as R | undefined;
    if (recorder === undefined) ofRegistry.byName.set(name, (recorder = make(where)));
    return recorder;
  };
}

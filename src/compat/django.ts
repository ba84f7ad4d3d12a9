import type { Registry } from '../core/registry.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import { Derivation } from './derivation.ts';
import { DJANGO_FAMILIES } from './django-families.ts';
import { viewsOn } from './django-views.ts';

const deriving: WeakSet<Registry> = new WeakSet();

/**
 * Puts the families of django-prometheus on the registry's page, derived from ours whenever the
 * page is read: over the numbers of all processes, and at no cost while something is recorded.
 * Idempotent.
 *
 * @param namespace METRICS_NAMESPACE, without the underscore that follows it: our families have it,
 *   Django's do not.
 */
export function deriveDjangoFamilies(registry: Registry, namespace: string): void {
  if (deriving.has(registry)) return;
  deriving.add(registry);
  const prefix = namespace === '' ? '' : `${namespace}_`;
  const derivation = new Derivation(DJANGO_FAMILIES, prefix);
  let views: ReadonlyMap<string, string> = new Map();
  registry.addDerivation({
    name: 'django',
    derive: (families: readonly FamilySnapshot[], slice: TimeSlice) => {
      const page = new Map(families.map((family) => [family.definition.name, family]));
      views = viewsOn(page, prefix, views);
      return derivation.derive(page, views, slice);
    },
  });
}

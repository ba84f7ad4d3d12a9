import { debuglog } from 'node:util';
import type { FamilySnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** Families that are computed from others on the page, whenever it is read. */
export interface FamilyDerivation {
  /** What the self-metrics call it when it fails. */
  readonly name: string;
  /** @param page The merged families of all processes. */
  derive(page: readonly FamilySnapshot[], slice: TimeSlice): Promise<readonly FamilySnapshot[]>;
}

/** What all of them give; one that throws is left out. */
export async function derive(
  derivations: ReadonlySet<FamilyDerivation>,
  page: readonly FamilySnapshot[],
  slice: TimeSlice,
  failed: (derivation: string) => void,
): Promise<readonly FamilySnapshot[]> {
  const families: FamilySnapshot[] = [];
  for (const derivation of derivations) {
    try {
      families.push(...(await derivation.derive(page, slice)));
    } catch (error) {
      debug('the families of %s can not be derived: %o', derivation.name, error);
      failed(derivation.name);
    }
  }
  return families;
}

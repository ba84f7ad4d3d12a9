import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import type { StoreStatus } from '../store/store.ts';

/** Is told what a registry notices about itself while it works; see self-metrics.ts. */
export interface SelfObserver {
  /** A label set was counted in the overflow series. */
  overflowed(family: string): void;
  /** A label value was cut at 1 KiB. */
  truncated(family: string): void;
  /** A `collect` callback, a source or a derivation failed. */
  collectFailed(family: string): void;
  /** Returns the families that are computed from a finished merge. */
  families(merged: readonly FamilySnapshot[], status: StoreStatus, conflicts: number): readonly FamilySnapshot[];
}

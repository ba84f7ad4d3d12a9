import { Merger } from '../snapshot/merge.ts';
import type { FamilyDefinition, FamilySnapshot, SlotFamily } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import { Relabelling, type ToLabels } from './relabelling.ts';

/** A family of ours that a derived one gets numbers from. */
export interface DerivationSource {
  /** As in `FamilyDefinition.name`, without the namespace. */
  readonly family: string;
  readonly toLabels: ToLabels;
  /** Whether its series only show that there are such, without what they count. @default false */
  readonly showsOnly?: boolean | undefined;
}

/**
 * A family that is added up from others: counters from counters, histograms from histograms with at
 * least the same bounds.
 */
export interface DerivedFamily {
  readonly definition: FamilyDefinition;
  readonly sources: readonly DerivationSource[];
}

/**
 * Computes families from the merged ones of all processes, as one more merge: each source's series
 * get the labels that they have in the derived family, and what then is alike is added up. A family
 * none of whose sources is on the page is left out; one without labels is 0 before anything was
 * counted. Nothing is copied but numbers from one scrape to the next while no series comes or goes.
 */
export class Derivation {
  readonly #merger: Merger = new Merger();
  readonly #families: readonly { readonly definition: FamilyDefinition; readonly parts: readonly Part[] }[];

  /** @param prefix of the sources' names. */
  constructor(families: readonly DerivedFamily[], prefix: string) {
    this.#families = families.map(({ definition, sources }) => ({
      definition,
      parts: sources.map(({ family, toLabels, showsOnly = false }) => ({
        name: prefix + family,
        showsOnly,
        relabelling: new Relabelling(definition, toLabels),
      })),
    }));
  }

  /** @param views names of routes; the same object for as long as they are the same. */
  async derive(
    page: ReadonlyMap<string, FamilySnapshot>,
    views: ReadonlyMap<string, string>,
    slice: TimeSlice,
  ): Promise<readonly FamilySnapshot[]> {
    const families: SlotFamily[] = [];
    for (const { definition, parts } of this.#families) {
      const found = parts.filter(({ name }) => page.get(name)?.definition.type === definition.type);
      if (found.length > 0 && definition.labelNames.length === 0) families.push(nothingYet(definition));
      for (const { name, showsOnly, relabelling } of found) {
        const { series, values } = relabelling.apply(page.get(name)!, views);
        families.push({ definition, series, values: showsOnly ? values.fill(0) : values, definedAt: 0 });
        if (slice.spent) await slice.rest();
      }
    }
    return (await this.#merger.merge([{ live: true, families }], slice)).families;
  }
}

interface Part {
  readonly name: string;
  readonly showsOnly: boolean;
  readonly relabelling: Relabelling;
}

const NO_LABELS = [Object.freeze([])];

function nothingYet(definition: FamilyDefinition): SlotFamily {
  return {
    definition,
    series: NO_LABELS,
    values: new Float64Array(1 + (definition.bounds?.length ?? -1) + 1),
    definedAt: 0,
  };
}

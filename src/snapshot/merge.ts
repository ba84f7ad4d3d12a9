import { sortInSlices, type TimeSlice } from '../time-slice.ts';
import { latestExemplars, type Exemplar } from './exemplar.ts';
import { LabelIndex } from './label-index.ts';
import { sampleNames } from './names.ts';
import { Reshaping } from './reshaping.ts';
import { keepsSetTime, keepsSparseBuckets, strideOf } from './snapshot.ts';
import type {
  FamilyDefinition,
  FamilySnapshot,
  LabelValues,
  SlotFamily,
  SlotSnapshot,
  SparseBuckets,
} from './snapshot.ts';
import { mergeBuckets } from './sparse-buckets.ts';

/** One process's part of a family. */
interface Part {
  readonly slot: SlotSnapshot;
  readonly family: SlotFamily;
}

/**
 * Where the series of each part go in the merged family: valid for as long as the parts' series
 * stay the same objects.
 */
interface Plan {
  /** The definition whose shape the page has; without the label `process`. */
  readonly newest: FamilyDefinition;
  readonly definition: FamilyDefinition;
  readonly parts: readonly { readonly name: string | undefined; readonly series: readonly LabelValues[] }[];
  readonly series: readonly LabelValues[];
  readonly starts: Float64Array;
  readonly targets: readonly Int32Array[];
}

/** A family that was left out of the page, because a later definition contradicts it. */
export interface Conflict {
  readonly family: string;
  readonly slot: string | undefined;
}

/** What a merge gives: the page's families, sorted by name, and what had to be left out. */
export interface Merged {
  readonly families: readonly FamilySnapshot[];
  readonly conflicts: readonly Conflict[];
}

/**
 * Adds processes up. Counters, histograms and summaries sum over every process that ever counted;
 * gauges, infos and state sets follow their `aggregation`, over live processes only unless
 * `liveOnly` is false. Numbers are added in the order of the slots, on which the last bit of a sum
 * depends: whoever wants sums that never fall gives slots in an order that never changes. Keeps,
 * from merge to merge, which series goes where, so that a merge without new series is additions
 * alone.
 */
export class Merger {
  readonly #plans: Map<string, Plan> = new Map();

  async merge(slots: readonly SlotSnapshot[], slice: TimeSlice): Promise<Merged> {
    const { groups, conflicts } = groupByFamily(slots);
    const families: FamilySnapshot[] = [];
    for (const name of [...groups.keys()].sort()) {
      families.push(await this.#mergeFamily(name, groups.get(name)!, slice));
      if (slice.spent) await slice.rest();
    }
    for (const name of this.#plans.keys()) if (!groups.has(name)) this.#plans.delete(name);
    return { families, conflicts };
  }

  async #mergeFamily(name: string, parts: readonly Part[], slice: TimeSlice): Promise<FamilySnapshot> {
    const known = this.#plans.get(name);
    const newest = parts.reduce((a, b) => (latestFirst(b, a) < 0 ? b : a)).family.definition;
    const plan = known?.newest === newest && fits(known, parts) ? known : await makePlan(newest, parts, slice);
    this.#plans.set(name, plan);

    const { definition, series, starts, targets } = plan;
    const shaped = parts.map(({ family }) =>
      sameShape(family.definition, newest) ? family : new Reshaping(family.definition, newest).apply(family),
    );
    const stride = strideOf(definition);
    const values = new Float64Array(series.length * stride);
    const sparse: SparseBuckets[] | undefined = keepsSparseBuckets(definition) ? [] : undefined;
    const add = adder(definition);
    for (const [p, family] of shaped.entries()) {
      const target = targets[p]!;
      for (let i = 0; i < target.length; i++) {
        const to = target[i]! * stride;
        add(values, to, family.values, i * stride, stride);
        if (sparse) {
          const held = sparse[target[i]!];
          sparse[target[i]!] = held ? mergeBuckets(held, family.sparse![i]!) : family.sparse![i]!;
        }
        if ((i & 255) === 255 && slice.spent) await slice.rest();
      }
    }
    const exemplars = mergeExemplars(plan, shaped);
    return { definition, series, starts, values, ...(sparse && { sparse }), ...(exemplars && { exemplars }) };
  }
}

/** By series; `undefined` where no process has any. */
function mergeExemplars(
  { series, targets }: Plan,
  shaped: readonly FamilySnapshot[],
): (readonly Exemplar[])[] | undefined {
  let merged: (readonly Exemplar[])[] | undefined;
  for (const [p, family] of shaped.entries()) {
    for (const [i, exemplars] of (family.exemplars ?? []).entries()) {
      if (exemplars.length === 0) continue;
      merged ??= Array.from({ length: series.length }, () => []);
      const to = targets[p]![i]!;
      merged[to] = latestExemplars(merged[to]!, exemplars);
    }
  }
  return merged;
}

/** Groups what may be added up; of definitions that contradict each other only the latest stays. */
function groupByFamily(slots: readonly SlotSnapshot[]): { groups: Map<string, Part[]>; conflicts: Conflict[] } {
  const latest = new Map<string, Part>();
  for (const slot of slots) {
    for (const family of slot.families) {
      const part = { slot, family };
      const other = latest.get(family.definition.name);
      if (!other || latestFirst(part, other) < 0) latest.set(family.definition.name, part);
    }
  }
  const taken = new Set<string>();
  const clashing = new Set<string>();
  for (const { family } of [...latest.values()].sort(latestFirst)) {
    const names = sampleNames(family.definition);
    if (names.some((name) => taken.has(name))) clashing.add(family.definition.name);
    else for (const name of names) taken.add(name);
  }

  const groups = new Map<string, Part[]>();
  const conflicts: Conflict[] = [];
  for (const slot of slots) {
    for (const family of slot.families) {
      const { name } = family.definition;
      if (clashing.has(name) || !canAddUp(family.definition, latest.get(name)!.family.definition)) {
        conflicts.push({ family: name, slot: slot.name });
      } else if (slot.live || !family.definition.liveOnly) {
        const group = groups.get(name);
        if (group) group.push({ slot, family });
        else groups.set(name, [{ slot, family }]);
      }
    }
  }
  return { groups, conflicts };
}

/**
 * What a living process says counts before what a dead one said, and later definitions before
 * earlier ones.
 */
function latestFirst(a: Part, b: Part): number {
  return Number(b.slot.live) - Number(a.slot.live) || b.family.definedAt - a.family.definedAt;
}

/**
 * True if what was counted under one definition can be added to what is counted under the other:
 * they have the same shape, or differ in nothing but buckets or quantiles (see Reshaping).
 */
export function canAddUp(a: FamilyDefinition, b: FamilyDefinition): boolean {
  return sameShape(a, b) || sameShape(withoutBuckets(a), withoutBuckets(b));
}

function withoutBuckets(definition: FamilyDefinition): FamilyDefinition {
  const { bounds: _, native: __, quantiles: ___, ...rest } = definition;
  return rest;
}

/**
 * Whether two processes' numbers can be added up as they are; help, unit and the resolution of native
 * histograms may differ.
 */
export function sameShape(a: FamilyDefinition, b: FamilyDefinition): boolean {
  return (
    a === b ||
    (a.name === b.name &&
      a.type === b.type &&
      a.exactName === b.exactName &&
      sameItems(a.labelNames, b.labelNames) &&
      sameItems(a.bounds ?? [], b.bounds ?? []) &&
      (a.native === undefined) === (b.native === undefined) &&
      sameItems(a.quantiles ?? [], b.quantiles ?? []) &&
      sameItems(a.states ?? [], b.states ?? []) &&
      a.aggregation === b.aggregation)
  );
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/**
 * A part's series are one frozen list until a series comes or goes, and belong to one definition:
 * comparing lists is enough.
 */
function fits(plan: Plan, parts: readonly Part[]): boolean {
  return (
    plan.parts.length === parts.length &&
    plan.parts.every(({ name, series }, i) => series === parts[i]!.family.series && name === parts[i]!.slot.name)
  );
}

function labelsProcess(definition: FamilyDefinition, parts: readonly Part[]): boolean {
  return definition.aggregation === 'all' && parts[0]!.slot.name !== undefined;
}

/** A series of the merged family, and where it is among the others. */
interface Place {
  readonly labelValues: LabelValues;
  index: number;
}

async function makePlan(newest: FamilyDefinition, parts: readonly Part[], slice: TimeSlice): Promise<Plan> {
  const perProcess = labelsProcess(newest, parts);
  const definition = perProcess ? { ...newest, labelNames: [...newest.labelNames, 'process'] } : newest;

  const places = new LabelIndex<Place>();
  const all: Place[] = [];
  const perPart: Place[][] = [];
  for (const { slot, family } of parts) {
    const mine: Place[] = [];
    for (const own of family.series) {
      const labelValues = perProcess ? Object.freeze([...own, slot.name!]) : own;
      let place = places.get(labelValues);
      if (!place) {
        place = { labelValues, index: all.length };
        places.set(place);
        all.push(place);
      }
      mine.push(place);
      if ((mine.length & 255) === 255 && slice.spent) await slice.rest();
    }
    perPart.push(mine);
  }
  const sorted = await sortInSlices(all, (a, b) => compareLabels(a.labelValues, b.labelValues), slice);
  for (const [index, place] of sorted.entries()) place.index = index;
  const targets = perPart.map((mine) => Int32Array.from(mine, (place) => place.index));
  return {
    newest,
    definition,
    parts: parts.map(({ slot, family }) => ({ name: slot.name, series: family.series })),
    series: sorted.map((place) => place.labelValues),
    starts: earliestStarts(parts, targets, sorted.length),
    targets,
  };
}

/** A series began when the first of its processes began it; NaN where one of them does not say. */
function earliestStarts(parts: readonly Part[], targets: readonly Int32Array[], length: number): Float64Array {
  const starts = new Float64Array(length).fill(Infinity);
  for (const [p, { family }] of parts.entries()) {
    for (const [i, to] of targets[p]!.entries()) starts[to] = Math.min(starts[to]!, family.starts?.[i] ?? Number.NaN);
  }
  return starts;
}

/** Label values in the order of UTF-16 code units, value by value. */
export function compareLabels(a: LabelValues, b: LabelValues): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < b[i]!) return -1;
    if (a[i]! > b[i]!) return 1;
  }
  return 0;
}

type Adder = (to: Float64Array, at: number, from: Float64Array, i: number, stride: number) => void;

function adder(definition: FamilyDefinition): Adder {
  if (keepsSetTime(definition)) return setTimeAdders[definition.aggregation as 'min' | 'max' | 'mostRecent'];
  return definition.type === 'info' || definition.type === 'stateset' ? largest : sum;
}

const sum: Adder = (to, at, from, i, stride) => {
  for (let k = 0; k < stride; k++) to[at + k]! += from[i + k]!;
};

const largest: Adder = (to, at, from, i, stride) => {
  for (let k = 0; k < stride; k++) to[at + k] = Math.max(to[at + k]!, from[i + k]!);
};

/** A gauge that a process never set has no say; a later moment replaces an earlier one. */
function choose(better: (candidate: Float64Array, i: number, held: Float64Array, at: number) => boolean): Adder {
  return (to, at, from, i) => {
    if (from[i + 1] !== 0 && (to[at + 1] === 0 || better(from, i, to, at))) {
      to[at] = from[i]!;
      to[at + 1] = from[i + 1]!;
    }
  };
}

const setTimeAdders: Readonly<Record<'min' | 'max' | 'mostRecent', Adder>> = {
  min: choose((from, i, to, at) => from[i]! < to[at]!),
  max: choose((from, i, to, at) => from[i]! > to[at]!),
  mostRecent: choose((from, i, to, at) => from[i + 1]! > to[at + 1]!),
};

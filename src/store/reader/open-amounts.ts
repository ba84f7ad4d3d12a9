import type { FamilyDefinition, LabelValues, SlotFamily } from '../../snapshot/snapshot.ts';

/**
 * Takes families of open amounts (`settlesInto`) off the page, and adds what a dead process left
 * open to the family that it settles into.
 */
export function settleOpenAmounts(families: readonly SlotFamily[], live: boolean): readonly SlotFamily[] {
  if (!families.some(({ definition }) => definition.settlesInto !== undefined)) return families;
  const shown = families.filter(({ definition }) => definition.settlesInto === undefined);
  if (live) return shown;
  const open = families.filter(({ definition }) => definition.settlesInto !== undefined);
  return shown.map((target) => {
    const mine = open.filter(({ definition }) => settles(definition, target.definition));
    return mine.reduce(add, target);
  });
}

/** True if the open amounts of one family belong to series of another with the same labels. */
export function settles(open: FamilyDefinition, target: FamilyDefinition): boolean {
  return (
    open.settlesInto === target.name &&
    target.type === 'counter' &&
    open.labelNames.length === target.labelNames.length &&
    open.labelNames.every((name, i) => name === target.labelNames[i])
  );
}

function add(target: SlotFamily, open: SlotFamily): SlotFamily {
  const key = (labels: LabelValues): string => JSON.stringify(labels);
  const totals = new Map(target.series.map((labels, i) => [key(labels), target.values[i]!]));
  const series = [...target.series];
  const starts = [...(target.starts ?? target.series.map(() => Number.NaN))];
  for (const [i, labels] of open.series.entries()) {
    const amount = open.values[i]!;
    if (!(amount > 0) || !Number.isFinite(amount)) continue;
    const before = totals.get(key(labels));
    totals.set(key(labels), (before ?? 0) + amount);
    if (before !== undefined) continue;
    series.push(labels);
    starts.push(open.starts?.[i] ?? Number.NaN);
  }
  return {
    ...target,
    series,
    starts: Float64Array.from(starts),
    values: Float64Array.from(series, (labels) => totals.get(key(labels))!),
    ...(target.exemplars && { exemplars: series.map((_, i) => target.exemplars![i] ?? []) }),
  };
}

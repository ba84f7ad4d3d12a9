import { statSync } from 'node:fs';
import { shownName } from '../snapshot/names.ts';
import { OVERFLOW } from '../store/format/layout.ts';
import { ReadOnlyStore } from '../store/reader/read-only-store.ts';
import { type Survey, surveyDirectory } from '../store/reader/survey.ts';
import { TimeSlice } from '../time-slice.ts';
import { CommandError, type Run, UsageError } from './command.ts';
import type { InspectedFamily, Inspection, InspectedSlot } from './inspection.ts';
import { showInspection } from './show-inspection.ts';
import { metricsDirectory } from './metrics-directory.ts';

const FAMILIES = 10;

/** `promenade inspect`: shows what is in a directory. */
export const inspect: Run = async (given, surroundings) => {
  const path = metricsDirectory(given, surroundings);
  const { families: limit } = given.values;
  if (limit !== undefined && !/^\d{1,6}$/.test(limit))
    throw new UsageError('--families takes a number, such as --families=20.');
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CommandError(`there is no directory ${path}: it is made when the first process counts there.`);
  }
  const inspection = await inspectDirectory(path);
  if (given.switches.has('json')) {
    const families = inspection.families.slice(0, limit === undefined ? undefined : Number(limit));
    surroundings.print(`${JSON.stringify({ ...inspection, families }, undefined, 2)}\n`);
  } else {
    surroundings.print(showInspection(inspection, Number(limit ?? FAMILIES), surroundings.colours));
  }
  return inspection.damaged ? 1 : 0;
};

async function inspectDirectory(path: string): Promise<Inspection> {
  const survey = await surveyDirectory(path);
  const overflowed = await overflowedFamilies(path);
  const slots = survey.slots.map(slotOf);
  return {
    format: 1,
    directory: path,
    started: survey.createdAt === undefined ? null : new Date(survey.createdAt).toISOString(),
    damaged:
      survey.slots.some(({ state }) => state === 'damaged' || state === 'unreadable') ||
      survey.files.some(({ kind }) => kind === 'damaged'),
    bytes: slots.reduce((sum, { bytes }) => sum + bytes.names + bytes.cells + bytes.exemplars, 0),
    space: survey.space,
    slots,
    families: largest(survey, overflowed),
    files: survey.files,
  };
}

function slotOf({
  name,
  state,
  notes,
  header,
  otherBoot,
  families,
  cells,
  bytes,
}: Survey['slots'][number]): InspectedSlot {
  return {
    name,
    role: header?.role ?? null,
    state,
    pid: header?.pid ?? null,
    generation: header?.generation ?? null,
    started: header ? new Date(header.startedAt).toISOString() : null,
    otherBoot,
    families: families.length,
    series: families.reduce((sum, { series }) => sum + series, 0),
    cells,
    bytes,
    notes,
  };
}

/** Lists families by their size in all slots, largest first. */
function largest({ slots }: Survey, overflowed: ReadonlyMap<string, number>): InspectedFamily[] {
  const families = new Map<string, InspectedFamily>();
  for (const { name, type, series, cells } of slots.flatMap((slot) => slot.families)) {
    const before = families.get(name) ?? {
      name,
      type,
      series: 0,
      bytes: 0,
      slots: 0,
      overflowed: overflowed.get(name) ?? 0,
    };
    families.set(name, {
      ...before,
      series: before.series + series,
      bytes: before.bytes + cells * 8,
      slots: before.slots + 1,
    });
  }
  return [...families.values()].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

/** Returns the families past their limit of series, with the number of such slots. */
async function overflowedFamilies(path: string): Promise<Map<string, number>> {
  const overflowed = new Map<string, number>();
  const store = new ReadOnlyStore(path);
  for (const { families } of await store.read(new TimeSlice())) {
    for (const { definition, series } of families) {
      const past =
        definition.labelNames.length > 0 && series.some((labels) => labels.every((value) => value === OVERFLOW));
      const name = shownName(definition);
      if (past) overflowed.set(name, (overflowed.get(name) ?? 0) + 1);
    }
  }
  return overflowed;
}

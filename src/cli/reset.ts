import { existsSync } from 'node:fs';
import { Directory } from '../store/files/directory.ts';
import { readDirectoryFile } from '../store/files/read-directory-file.ts';
import { isSlotOwned } from '../store/files/slot-lock.ts';
import { type SurveyedSlot, surveyDirectory } from '../store/reader/survey.ts';
import { CommandError, type Run } from './command.ts';
import { metricsDirectory } from './metrics-directory.ts';
import { plural } from './plural.ts';

/** `promenade reset`: sets a directory back to zero. */
export const reset: Run = async (given, surroundings) => {
  const path = metricsDirectory(given, surroundings);
  const { print, ask } = surroundings;
  if (!existsSync(path)) {
    print(`Nothing to do: there is no directory ${path}.\n`);
    return 0;
  }
  const force = given.switches.has('force');
  const before = await surveyDirectory(path);
  if (!isOurs(path, before.slots)) {
    throw new CommandError(
      `${path} is not a metrics directory: it has neither our directory.json nor slots that can be read. Nothing was done.`,
    );
  }
  refuseLiving(before.slots, force);
  const series = before.slots.reduce(
    (sum, slot) => sum + slot.families.reduce((all, family) => all + family.series, 0),
    0,
  );
  const question = `Take away what ${plural(before.slots.length, 'slot')} of ${path} ${before.slots.length === 1 ? 'holds' : 'hold'}, ${series} series?`;
  if (ask && !given.switches.has('yes') && !(await ask(question))) {
    print('Nothing was done.\n');
    return 1;
  }

  const directory = new Directory(path);
  // No process can start here, so exactly the slots seen now are removed.
  const { gone, living } = directory.exclusively(() => {
    const slots = directory.slotNames();
    const kept = slots.filter((slot) => isSlotOwned(directory.join(`${slot}.names`)));
    if (kept.length > 0 && !force) throw new CommandError(refusal(kept));
    directory.reset(new Set(kept));
    return { gone: slots.length - kept.length, living: kept };
  });
  print(`${path} begins anew: what ${plural(gone, 'slot')} held is gone.\n`);
  if (living.length > 0) {
    print(
      `${living.join(', ')} live and go on with what they have counted; to begin at zero end them, reset, and start them again.\n`,
    );
  }
  return 0;
};

/**
 * True if we have made the directory. Another program's directory.json, and files that only have
 * names like ours, don't count: it must stay as it is.
 */
function isOurs(path: string, slots: readonly SurveyedSlot[]): boolean {
  return typeof readDirectoryFile(path) === 'object' || slots.some(({ header }) => header !== undefined);
}

function refuseLiving(slots: readonly SurveyedSlot[], force: boolean): void {
  const living = slots
    .filter(({ state }) => state === 'live')
    .map(({ name, header }) => `${name} (pid ${header!.pid})`);
  if (living.length > 0 && !force) throw new CommandError(refusal(living));
}

function refusal(living: readonly string[]): string {
  return `processes count there: ${living.join(', ')}. End them first; or, with --force, forget what others have counted that are gone.`;
}

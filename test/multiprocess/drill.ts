import { appendFileSync } from 'node:fs';

/**
 * Whether the full figures are asked for (`npm run drill`), or what fits into every run of the
 * tests.
 */
export const FULL: boolean = process.env['PROMENADE_DRILL'] === 'full';

/** One figure in a run of the tests, another where the full figures are asked for. */
export function scale(everyRun: number, full: number): number {
  return FULL ? full : everyRun;
}

/** Keeps a drill's figures for the table that `npm run drill` prints. */
export function report(drill: string, figures: Readonly<Record<string, string | number>>): void {
  const path = process.env['PROMENADE_DRILL_RESULTS'];
  if (path) appendFileSync(path, `${JSON.stringify({ drill, figures })}\n`);
}

/**
 * What is measured; each takes the number of times and runs its own loop, so that no contender pays
 * for another's call sites.
 */
export const CASES = [
  'counter without labels',
  'counter bound',
  'counter looked up',
  'histogram bound',
  'histogram looked up',
  'gauge bound',
  'gauge looked up',
] as const;
export type Case = (typeof CASES)[number];

type Loop = (times: number) => void;

/** A library under measurement. A case that it doesn't have is left out. */
export interface CoreContender {
  readonly loops: Readonly<Partial<Record<Case, Loop>>>;
  /** Its page in text 0.0.4. */
  page(): Promise<string>;
}

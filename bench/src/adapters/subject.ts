/** A library that does one thing over and over, with or without somebody who measures it. */
export interface Subject {
  /** Does it once. What it answers has to be the same whoever measures. */
  once(): unknown;
  /** How often it was done, as the page has it; nothing for those who measure nothing, or count nothing. */
  counted?(): Promise<number>;
}

/** What each library is measured with, the reference first. */
export const WITHOUT = 'without';

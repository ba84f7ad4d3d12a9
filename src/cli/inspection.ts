import type { OddFile, SurveyedSlot } from '../store/reader/survey.ts';

/**
 * What `promenade inspect --json` prints; docs/guide/cli.md describes it. New fields may come;
 * `format` changes when one goes.
 */
export interface Inspection {
  readonly format: 1;
  readonly directory: string;
  /** Since when its sums have counted, ISO 8601. */
  readonly started: string | null;
  /** Whether a slot or a file is damaged or can't be read: then the exit status is 1. */
  readonly damaged: boolean;
  /** What all slots take. */
  readonly bytes: number;
  readonly space: { readonly freeBytes: number; readonly totalBytes: number };
  readonly slots: readonly InspectedSlot[];
  /** Largest first. */
  readonly families: readonly InspectedFamily[];
  /** Files that belong to no slot. */
  readonly files: readonly OddFile[];
}

/** One slot. */
export interface InspectedSlot {
  readonly name: string;
  readonly role: string | null;
  readonly state: SurveyedSlot['state'];
  /** Its last owner, as numbered where that ran: another container has other numbers. */
  readonly pid: number | null;
  /** How many processes have owned it. */
  readonly generation: number | null;
  /** When its last owner took it, ISO 8601. */
  readonly started: string | null;
  /** Whether the machine has started anew since, or its last owner was another machine's. */
  readonly otherBoot: boolean;
  readonly families: number;
  readonly series: number;
  /** Numbers of 8 bytes: in use, and those for which there is space. */
  readonly cells: { readonly used: number; readonly allocated: number };
  readonly bytes: { readonly names: number; readonly cells: number; readonly exemplars: number };
  readonly notes: readonly string[];
}

/** One family, in all slots together. */
export interface InspectedFamily {
  /** As on the page: with `_total`. */
  readonly name: string;
  readonly type: string;
  /** Of all slots: a series that two processes have counts twice. */
  readonly series: number;
  readonly bytes: number;
  /** In how many slots it is. */
  readonly slots: number;
  /** In how many slots it is past its limit of series. */
  readonly overflowed: number;
}

import type { OddFile, SurveyedSlot } from '../store/reader/survey.ts';

/**
 * The output of `promenade inspect --json`, described in docs/guide/cli.md. New fields can be
 * added; `format` changes when a field is removed.
 */
export interface Inspection {
  readonly format: 1;
  readonly directory: string;
  /** When its sums began, in ISO 8601. */
  readonly started: string | null;
  /** True if a slot or file is damaged or unreadable. The exit status is 1 then. */
  readonly damaged: boolean;
  /** Size of all slots. */
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
  /** Process id of its last owner, in the pid namespace of that process. */
  readonly pid: number | null;
  /** Number of processes that have owned it. */
  readonly generation: number | null;
  /** When its last owner took it, ISO 8601. */
  readonly started: string | null;
  /** True if the machine has rebooted since, or the last owner ran on another machine. */
  readonly otherBoot: boolean;
  readonly families: number;
  readonly series: number;
  /** Cells of 8 bytes, used and allocated. */
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
  /** Number of slots that have it. */
  readonly slots: number;
  /** Number of slots in which it is past its limit of series. */
  readonly overflowed: number;
}

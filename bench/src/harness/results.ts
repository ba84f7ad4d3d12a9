import type { ContenderResult } from './statistics.ts';

/**
 * One thing that was measured, and what each contender took for it. The ratios relate to the first
 * contender.
 */
export interface CaseResult {
  readonly name: string;
  readonly unit: string;
  readonly contenders: readonly ContenderResult[];
}

/** What a topic's run found. */
export interface TopicResult {
  readonly topic: string;
  /** What is measured, in a sentence. */
  readonly about: string;
  readonly results: readonly CaseResult[];
}

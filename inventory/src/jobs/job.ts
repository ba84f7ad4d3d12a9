import type { Database } from '../database/database.ts';
import type { Repository } from '../resource/repository.ts';

/** What jobs work on. */
export interface JobContext {
  readonly database: Database;
  readonly repositories: readonly Repository[];
}

/** A kind of background job. */
export interface JobDefinition {
  readonly name: string;
  readonly label: string;
  /** What its input is, for people; undefined when it takes none. */
  readonly input: string | undefined;
  /**
   * Does the work and returns the result, as JSON.
   *
   * @throws RequestError if the input is wrong: then the job is not retried.
   */
  run(input: string, context: JobContext): Promise<object>;
}

/** A job that somebody started. */
export interface Job {
  readonly id: number;
  readonly name: string;
  readonly status: JobStatus;
  /** JSON of the result, or why it failed; empty until then. */
  readonly result: string;
  /** The process that runs it, or ran it last; 0 until then. */
  readonly pid: number;
  /** ISO 8601; empty until then. */
  readonly created: string;
  readonly started: string;
  readonly finished: string;
}

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed';

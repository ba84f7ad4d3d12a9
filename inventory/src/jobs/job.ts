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
  /** Describes the input for people; undefined if the job takes none. */
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
  /** The result or the error as JSON; empty until the job has ended. */
  readonly result: string;
  /** The latest process that ran the job; 0 before its start. */
  readonly pid: number;
  /** ISO 8601; empty until then. */
  readonly created: string;
  readonly started: string;
  readonly finished: string;
}

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed';

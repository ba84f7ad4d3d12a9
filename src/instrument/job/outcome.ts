/** Every outcome, in the order of the guide. */
export const JOB_OUTCOMES = ['succeeded', 'failed', 'retried', 'cancelled', 'stalled'] as const;

/**
 * How a run ended: `succeeded`; `failed` for good; `retried`, since it failed or put itself off and
 * will be run again; `cancelled` on purpose; or `stalled`, with its process or with the connection
 * that kept it alive.
 */
export type JobOutcome = (typeof JOB_OUTCOMES)[number];

/**
 * Returns the outcome of a run that threw: `cancelled` for an `AbortError`, else `failed`, or
 * `retried` if the queue will run the job again.
 */
export function outcomeOf(error: unknown, willRunAgain: boolean = false): JobOutcome {
  if (willRunAgain) return 'retried';
  return isAbort(error) ? 'cancelled' : 'failed';
}

function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'AbortError';
}

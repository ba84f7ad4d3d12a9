/**
 * Emits a process warning of type `MetricsWarning`. Callers that may repeat themselves keep track
 * of what they have said.
 *
 * @param code A stable name for those who filter warnings, listed in docs/guide/operating.md.
 * @param text What happened, to what, and what to do.
 */
export function warn(code: `WARN_METRICS_${string}`, text: string): void {
  process.emitWarning(text, { type: 'MetricsWarning', code });
}

/** All error codes, listed with their fixes in docs/guide/errors.md. */
export type MetricsErrorCode =
  | 'ERR_METRICS_INVALID_NAME'
  | 'ERR_METRICS_INVALID_LABEL'
  | 'ERR_METRICS_INVALID_OPTION'
  | 'ERR_METRICS_INVALID_VALUE'
  | 'ERR_METRICS_INVALID_EXEMPLAR'
  | 'ERR_METRICS_DUPLICATE_NAME'
  | 'ERR_METRICS_INVALID_SETTING'
  | 'ERR_METRICS_STORE_DIRECTORY'
  | 'ERR_METRICS_STORE_FULL'
  | 'ERR_METRICS_STORE_UNREADABLE'
  | 'ERR_METRICS_STORE_UNSUPPORTED'
  | 'ERR_METRICS_MALFORMED_PAGE';

/**
 * An error with a stable `code`, and a message with the problem and its fix. Definitions and
 * settings throw it; recording inside an instrumentation never does.
 */
export class MetricsError extends Error {
  readonly code: MetricsErrorCode;

  constructor(code: MetricsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MetricsError';
    this.code = code;
  }
}

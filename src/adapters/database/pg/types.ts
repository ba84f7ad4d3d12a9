/**
 * The part of a result of pg that is used. A text of several statements brings an array of them.
 */
export interface PgResult {
  readonly command?: string | null;
  readonly rowCount?: number | null;
  readonly rows?: { readonly length: number };
  readonly fields?: { readonly length: number };
}

/** The callback that pg calls when a query has ended. */
export type PgCallback = (error: unknown, result?: PgResult | readonly PgResult[], ...more: unknown[]) => void;

/**
 * What can be handed to `client.query` and takes part in the protocol itself: a query, a cursor, a
 * stream.
 */
export interface PgSubmittable {
  submit(connection: unknown): unknown;
  readonly text?: unknown;
  readonly cursor?: { readonly text?: unknown };
  callback?: PgCallback;
  handleReadyForQuery?(...args: unknown[]): unknown;
  handleCommandComplete?(...args: unknown[]): unknown;
  handleError?(...args: unknown[]): unknown;
  handleRowDescription?(...args: unknown[]): unknown;
  handleDataRow?(...args: unknown[]): unknown;
}

/** The first argument of `client.query`. */
export type PgQuery = string | { readonly text?: unknown; readonly callback?: unknown } | PgSubmittable;

/** The part of `pg.Client` that is used. */
export interface PgClient {
  connect(...args: never[]): unknown;
  query(...args: never[]): unknown;
  once(...args: never[]): unknown;
  removeListener(...args: never[]): unknown;
}

/** The part of `pg.Pool` that is used. */
export interface PgPool {
  connect(...args: never[]): unknown;
  end(...args: never[]): unknown;
  on(...args: never[]): unknown;
  removeListener(...args: never[]): unknown;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** The part of the module `pg` that is used. */
export interface PgModule {
  readonly Client: abstract new (...args: never[]) => PgClient;
  readonly Pool: abstract new (...args: never[]) => PgPool;
}

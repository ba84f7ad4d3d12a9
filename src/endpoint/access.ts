/**
 * The application's verdict on a session or token: `undefined`, `null` or `false` for unknown, else
 * whether its owner may read metrics. `true` is short for `{ allowed: true }`.
 */
export type Access = boolean | { readonly allowed: boolean } | null | undefined;

/** The verdict on a request for the metrics page, as its HTTP status. */
export type Verdict = 200 | 401 | 403;

/** Returns the verdict for a callback's result. Refuses everything that is not plainly allowed. */
export function verdictOf(access: Access): Verdict {
  if (access === true) return 200;
  if (access === undefined || access === null || access === false) return 401;
  return access.allowed === true ? 200 : 403;
}

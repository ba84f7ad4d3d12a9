/**
 * What the application says of a session or a token of its own: `undefined`, `null` or `false` when
 * it knows nobody by it; else whether this somebody may read metrics. `true` is short for
 * `{ allowed: true }`.
 */
export type Access = boolean | { readonly allowed: boolean } | null | undefined;

/** How a request to the metrics page was judged, by the status that says so. */
export type Verdict = 200 | 401 | 403;

/** The verdict for an answer of the application. Anything that isn't plainly allowed is refused. */
export function verdictOf(access: Access): Verdict {
  if (access === true) return 200;
  if (access === undefined || access === null || access === false) return 401;
  return access.allowed === true ? 200 : 403;
}

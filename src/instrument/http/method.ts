/**
 * The verbs of RFC 9110, PATCH (RFC 5789) and QUERY: what a label `method` can be, beside
 * `<other>`.
 */
const VERBS: ReadonlyMap<string, string> = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'].map((verb) => [verb, verb]),
);

/**
 * The label for every method that is none of these: clients can make methods up, and each would be
 * a series.
 */
export const OTHER_METHOD = '<other>';

/**
 * A request's method as a label: verbatim (methods are case-sensitive) where it is a registered
 * verb, else `<other>`.
 */
export function toMethodLabel(method: string | undefined): string {
  return VERBS.get(method as string) ?? OTHER_METHOD;
}

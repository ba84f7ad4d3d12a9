/**
 * The mark of what HTTP metrics leave out: a request that is a scrape, set when the page is served
 * and looked at when the response closes, or a server that serves nothing else, set from the start.
 * A registered symbol, so that several copies of the package agree.
 */
const kUnmeasured: unique symbol = Symbol.for('promenade.http.unmeasured');

interface Markable {
  [kUnmeasured]?: unknown;
}

/** Puts the mark on a request or a server. */
export function leaveUnmeasured(target: object): void {
  (target as Markable)[kUnmeasured] = true;
}

/** True if a request or a server carries the mark. */
export function isUnmeasured(target: object): boolean {
  return (target as Markable)[kUnmeasured] === true;
}

/**
 * Marks what HTTP metrics leave out: a request that is a scrape (`request[unmeasured] = true`, set
 * when the page is served, so looked at when the response closes), and every request to a server
 * (`server[unmeasured] = true`, set from the start).
 */
export const unmeasured: unique symbol = Symbol.for('promenade.http.unmeasured');

/** Puts the mark on a request or a server. */
export function leaveUnmeasured(target: object): void {
  (target as { [unmeasured]?: true })[unmeasured] = true;
}

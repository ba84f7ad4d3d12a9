/** The middlewares that serve the page: they are not measured. */
const own: WeakSet<object> = new WeakSet();

/** Marks a middleware as one that serves the page. */
export function addOwn(middleware: object): void {
  own.add(middleware);
}

/** True for a middleware that serves the page. */
export function isOwn(middleware: object): boolean {
  return own.has(middleware);
}

/** Our label for a request that no route took, and Django's. */
export const UNMATCHED = '<unmatched>';
const UNNAMED = '<unnamed view>';

/** What is past a family's limit stays told apart from what Django doesn't know. */
const OVERFLOW = '<overflow>';

/** The methods that django-prometheus knows. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'TRACE',
  'OPTIONS',
  'CONNECT',
  'PATCH',
]);

/** A route as a view: the name it was given, else its pattern. */
export function toView(route: string, views: ReadonlyMap<string, string>): string {
  return route === UNMATCHED ? UNNAMED : (views.get(route) ?? route);
}

export function toMethod(method: string): string {
  return METHODS.has(method) || method === OVERFLOW ? method : '<invalid method>';
}

/** A response that names no charset has Django's default one. */
export function toCharset(charset: string): string {
  return charset === '' ? 'utf-8' : charset;
}

/** Django speaks to MariaDB as to MySQL. */
export function toVendor(system: string): string {
  return system === 'mariadb' ? 'mysql' : system;
}

/** What is in the memory of the process is Django's `locmem`. */
export function toBackend(backend: string): string {
  return backend === 'memory' ? 'locmem' : backend;
}

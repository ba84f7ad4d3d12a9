/** A request of the script. */
export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent without a length, in chunks. */
  readonly chunked?: boolean;
}

const AJAX = { 'x-requested-with': 'XMLHttpRequest' };
const JSON_BODY = { 'content-type': 'application/json' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function times(count: number, request: (i: number) => ScriptedRequest): ScriptedRequest[] {
  return Array.from({ length: count }, (_, i) => request(i));
}

function get(path: string, headers: Readonly<Record<string, string>> = {}): ScriptedRequest {
  return { method: 'GET', path, headers };
}

function api(method: string, path: string, body: unknown): ScriptedRequest {
  return { method, path, headers: JSON_BODY, body: JSON.stringify(body) };
}

/** What both applications are asked, one request after the other. */
export const script: readonly ScriptedRequest[] = [
  // Pages, forms and details, the latter from the cache from the second time on.
  ...times(12, (i) => get('/', i % 3 === 0 ? AJAX : {})),
  ...times(20, (i) => ({ method: 'POST', path: '/sites/', headers: FORM, body: `name=site-${i}` })),
  ...times(4, () => ({ method: 'POST', path: '/sites/', headers: { ...FORM, ...AJAX }, body: 'name=' })),
  ...times(15, () => get('/sites/')),
  ...times(40, (i) => get(`/sites/${1 + (i % 10)}/`)),
  ...times(5, (i) => get(`/sites/${9000 + i}/`)),

  // The API: lists, writes, bulk writes, what is not there.
  ...times(10, () => get('/api/sites/', AJAX)),
  ...times(10, (i) => api('POST', '/api/sites/', { name: `api-${i}` })),
  ...times(8, (i) => get(`/api/sites/${1 + i}/`)),
  ...times(6, (i) => api('PUT', `/api/sites/${1 + i}/`, { name: `put-${i}` })),
  ...times(3, (i) => api('PATCH', `/api/sites/${11 + i}/`, { name: `patch-${i}` })),
  ...times(6, (i) => get(`/sites/${1 + i}/`)),
  ...times(4, (i) => ({ method: 'DELETE', path: `/api/sites/${17 + i}/` })),
  ...times(3, () => ({ method: 'DELETE', path: '/api/sites/9999/' })),
  ...times(2, (i) => api('POST', '/api/sites/bulk/', [`bulk-${i}-a`, `bulk-${i}-b`, `bulk-${i}-c`])),
  ...times(2, () => ({ method: 'PATCH', path: '/api/sites/bulk/' })),
  ...times(2, () => ({ method: 'DELETE', path: '/api/sites/bulk/' })),

  // Redirects: by a view, before any view, after no view was found.
  ...times(4, () => get('/old/')),
  ...times(5, () => get('/private/page/')),
  ...times(3, () => get('/sites')),
  ...times(6, () => get('/legacy/')),

  // Errors of every kind.
  ...times(5, () => get('/errors/value/')),
  ...times(3, () => get('/errors/key/', AJAX)),
  ...times(2, () => ({ method: 'POST', path: '/errors/value/', headers: JSON_BODY, body: '{"ignored":true}' })),
  ...times(7, () => get('/errors/missing/')),
  ...times(4, () => get('/errors/denied/')),
  ...times(3, () => get('/errors/suspicious/')),
  ...times(2, () => get('/errors/none/')),
  ...[200, 202, 204, 304, 400, 401, 404, 409, 418, 429, 500, 502, 503].map((code) => get(`/status/${code}/`)),

  // Bodies of every kind.
  ...times(5, () => get('/stream/')),
  ...times(4, () => get('/file/')),
  ...times(2, () => get('/download/')),
  ...times(3, () => get('/latin/')),
  ...[0, 1, 2, 3, 1000, 40_000].map((size) => ({ method: 'POST', path: '/upload/', body: 'y'.repeat(size) })),
  ...times(3, () => ({ method: 'POST', path: '/upload/', body: 'z'.repeat(5000), chunked: true })),

  // Odd methods, unknown paths, a view without a name.
  ...times(6, () => ({ method: 'HEAD', path: '/' })),
  ...times(3, () => ({ method: 'HEAD', path: '/sites/1/' })),
  ...times(3, () => ({ method: 'OPTIONS', path: '/sites/' })),
  ...times(2, () => ({ method: 'DELETE', path: '/sites/' })),
  ...times(2, () => ({ method: 'TRACE', path: '/' })),
  ...times(4, () => ({ method: 'PROPFIND', path: '/sites/' })),
  ...times(3, (i) => ({ method: `BREW${i}`, path: '/sites/' })),
  ...times(8, (i) => get(`/nowhere/${i}/`)),
  ...times(2, () => ({ method: 'POST', path: '/nowhere/', headers: FORM, body: 'a=b' })),
  ...times(5, () => get('/unnamed/')),

  // What only the database and the cache see.
  ...times(3, () => get('/database/unique/')),
  ...times(2, () => get('/database/syntax/')),
  ...times(4, () => get('/database/caught/')),
  ...times(3, () => get('/database/replica/')),
  ...times(2, () => get('/database/reconnect/')),
  ...times(3, () => get('/database/transaction/')),
  ...times(2, () => get('/cache/set/')),
  ...times(4, () => get('/cache/falsy/')),
  ...times(2, () => get('/cache/many/')),
  ...times(3, () => get('/cache/missing/')),

  ...times(2, () => get('/cache/nowhere/')),

  get('/metrics'),
];

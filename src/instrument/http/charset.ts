/** Charsets that are told apart; a header can hold anything. */
const KNOWN: ReadonlySet<string> = new Set([
  'utf-8',
  'us-ascii',
  'iso-8859-1',
  'iso-8859-15',
  'windows-1252',
  'utf-16',
  'shift_jis',
  'euc-jp',
  'gb18030',
  'gbk',
  'big5',
  'euc-kr',
  'koi8-r',
  'windows-1251',
]);

const PARAMETER = /;\s*charset\s*=\s*"?([^\s;"]*)/i;

/**
 * Content types that were seen, so that the expression runs once for each; the application's few,
 * hence the small limit.
 */
const seen: Map<string, string> = new Map();
const SEEN_LIMIT = 500;

/**
 * The charset that a content type names, as a label: `''` where there is none, `<other>` where
 * nobody knows it.
 *
 * @param contentType As it was set: a text, or a list of one, which is how Next sets it.
 */
export function charsetOf(contentType: unknown): string {
  if (Array.isArray(contentType)) return charsetOf(contentType[0]);
  if (typeof contentType !== 'string') return '';
  let charset = seen.get(contentType);
  if (charset === undefined) {
    const given = PARAMETER.exec(contentType)?.[1]?.toLowerCase() ?? '';
    charset = given === '' || KNOWN.has(given) ? given : '<other>';
    if (seen.size < SEEN_LIMIT) seen.set(contentType, charset);
  }
  return charset;
}

/** True for a stream of server-sent events. */
export function isEventStream(contentType: unknown): boolean {
  const type: unknown = Array.isArray(contentType) ? contentType[0] : contentType;
  return typeof type === 'string' && /^\s*text\/event-stream\s*(?:;|$)/i.test(type);
}

/**
 * The content type among headers as `writeHead` takes them: an object, a flat list, or a list of
 * pairs.
 */
export function contentTypeIn(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (!Array.isArray(headers)) {
    const named = headers as Record<string, unknown>;
    return named['content-type'] ?? named['Content-Type'];
  }
  const list: unknown[] = Array.isArray(headers[0]) ? headers.flat() : headers;
  const at = list.findIndex((name, i) => i % 2 === 0 && String(name).toLowerCase() === 'content-type');
  return at < 0 ? undefined : list[at + 1];
}

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

/** Content types that were seen, so that the expression runs once for each; the application's few, hence the small limit. */
const seen: Map<string, string> = new Map();
const SEEN_LIMIT = 500;

/**
 * The charset of a response as a label: `''` where its head names none, `<other>` where nobody knows it.
 *
 * @param head the head as it was sent, `ServerResponse._header`: `getHeader` does not know what went through `writeHead(status, headers)`.
 */
export function charsetOf(head: unknown): string {
  if (typeof head !== 'string') return '';
  let start = head.indexOf('\r\ncontent-type: ');
  if (start < 0) start = head.indexOf('\r\nContent-Type: ');
  if (start < 0) return '';
  start += '\r\ncontent-type: '.length;
  const contentType = head.slice(start, head.indexOf('\r\n', start));
  let charset = seen.get(contentType);
  if (charset === undefined) {
    const given = PARAMETER.exec(contentType)?.[1]?.toLowerCase() ?? '';
    charset = given === '' || KNOWN.has(given) ? given : '<other>';
    if (seen.size < SEEN_LIMIT) seen.set(contentType, charset);
  }
  return charset;
}

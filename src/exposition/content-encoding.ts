import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { parseParameters, parseQuality, splitList } from './header-values.ts';

/** How a page can be packed on its way. */
export type ContentEncoding = 'gzip' | 'zstd' | 'identity';

/** What Node.js has since 22.15. */
interface ZstdModule {
  readonly createZstdCompress?: (this: void) => Transform;
}

/**
 * Metrics shrink twelvefold at the fastest level; the slower ones take four times as long for a
 * tenth less.
 */
const GZIP_LEVEL = 1;

const { createZstdCompress } = zlib as ZstdModule;

/** By preference where a client has none; every client that packs at all knows gzip. */
const ENCODINGS: readonly ContentEncoding[] = createZstdCompress ? ['gzip', 'zstd', 'identity'] : ['gzip', 'identity'];

/**
 * The encoding that serves an Accept-Encoding header best (RFC 9110, section 12.5.3). Without a
 * header, and where nothing that we have is wanted, it is `identity`: a page as it is is better
 * than none.
 */
export function negotiateEncoding(acceptEncoding: string | undefined): ContentEncoding {
  const qualities = parseAcceptEncoding(acceptEncoding ?? '');
  let best: ContentEncoding = 'identity';
  let bestQuality = 0;
  for (const encoding of ENCODINGS) {
    // What is not mentioned is not wanted, but for `identity`, which is as a last resort.
    const unmentioned = encoding === 'identity' ? Number.MIN_VALUE : 0;
    const quality = qualities.get(encoding) ?? qualities.get('*') ?? unmentioned;
    if (quality > bestQuality) {
      best = encoding;
      bestQuality = quality;
    }
  }
  return best;
}

/**
 * A stream that packs what is written to it, on threads of Node's pool; none for `identity`. The
 * answer carries `Content-Encoding` then.
 */
export function createCompressor(encoding: ContentEncoding): Transform | undefined {
  if (encoding === 'zstd') return createZstdCompress?.();
  return encoding === 'gzip' ? zlib.createGzip({ level: GZIP_LEVEL }) : undefined;
}

function parseAcceptEncoding(header: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const entry of splitList(header)) {
    const [, name, rest = ''] = /^([^\s;]+)\s*(;.*)?$/.exec(entry) ?? [];
    const parameters = parseParameters(rest);
    const quality = parseQuality(parameters?.get('q'));
    if (name === undefined || parameters === undefined || quality === undefined) continue;
    const encoding = name.toLowerCase();
    if (!qualities.has(encoding)) qualities.set(encoding, quality);
  }
  return qualities;
}

import { buffer } from 'node:stream/consumers';
import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCompressor, negotiateEncoding } from '../../src/exposition/content-encoding.ts';

const hasZstd = 'createZstdCompress' in zlib;

describe('Accept-Encoding', () => {
  test.each([
    ['Prometheus', 'gzip', 'gzip'],
    ['browsers', 'gzip, deflate, br, zstd', 'gzip'],
    ['nobody', undefined, 'identity'],
    ['nothing', '', 'identity'],
    ['identity', 'identity', 'identity'],
    ['unknown ones', 'br, deflate', 'identity'],
    ['any', '*', 'gzip'],
    ['any but gzip and zstd', 'gzip;q=0, zstd;q=0, *', 'identity'],
    ['gzip refused', 'gzip;q=0', 'identity'],
    ['gzip refused, all the same', 'gzip;q=0.000', 'identity'],
    ['gzip at a low quality', 'gzip;q=0.1', 'gzip'],
    ['identity preferred', 'gzip;q=0.5, identity;q=0.8', 'identity'],
    ['identity refused', 'identity;q=0, gzip;q=0.001', 'gzip'],
    ['everything refused', '*;q=0', 'identity'],
    ['case and blanks', ' GZIP ; Q=0.5 ', 'gzip'],
    ['a malformed quality', 'gzip;q=much', 'identity'],
    ['a malformed entry', 'gz ip, ;q=1', 'identity'],
    ['zstd preferred', 'gzip;q=0.5, zstd', hasZstd ? 'zstd' : 'gzip'],
  ])('%s', (_who, header, encoding) => expect(negotiateEncoding(header)).toBe(encoding));

  test('no header is too odd', () => {
    const part = fc.constantFrom('gzip', '*', ';', ',', 'q=', '0', '"', '\\', ' ');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(['gzip', 'zstd', 'identity']).toContain(negotiateEncoding(parts.join('')));
      }),
    );
  });
});

describe('compressors', () => {
  const text = 'requests_total{method="GET"} 1\n'.repeat(10_000);

  test('gzip is read back as it was', async () => {
    const packed = await buffer(createCompressor('gzip')!.end(text));
    expect(packed.length).toBeLessThan(text.length / 10);
    expect(zlib.gunzipSync(packed).toString()).toBe(text);
  });

  test('zstd is there where Node.js has it', async () => {
    const compressor = createCompressor('zstd');
    expect(compressor !== undefined).toBe(hasZstd);
    if (compressor) expect((await buffer(compressor.end(text))).length).toBeLessThan(text.length / 10);
  });

  test('identity needs none', () => expect(createCompressor('identity')).toBeUndefined());
});

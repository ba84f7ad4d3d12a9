import { readFileSync, statSync, type BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { MetricsError } from '../errors.ts';
import { parseToken, type TokenDigest } from '../settings/token-digest.ts';
import { TokenSet } from '../settings/token-set.ts';
import { messageOf, Warning } from './warning.ts';

/** Minimum interval between checks of the file. */
const checkIntervalMs = 1000;
/** About 4,000 digests. Parsing them blocks the event loop for a few milliseconds. */
const maxBytes = 256 * 1024;

/**
 * The tokens of METRICS_TOKENS_FILE: one a line, plain or `sha256:<hex>`. Blank lines and lines
 * that begin with `#` are ignored. Checked at most once a second, on requests. If the file becomes
 * unreadable or malformed, the last good tokens stay in force, with one warning; an empty file
 * revokes all tokens.
 */
export class TokensFile {
  readonly #path: string;
  readonly #now: () => number;
  readonly #warning: Warning = new Warning('WARN_METRICS_TOKENS_FILE');
  #tokens: readonly TokenDigest[];
  #set: TokenSet;
  #signature: string;
  #checkedAt: number;
  #check: Promise<void> | undefined;

  /**
   * @param now a monotonic clock in milliseconds
   * @throws MetricsError ERR_METRICS_INVALID_SETTING when the file can't be read or holds something
   *   else than tokens.
   */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
    try {
      this.#signature = signatureOf(statSync(path, { bigint: true }));
      this.#tokens = parseTokensFile(readFileSync(path, 'utf8'));
      this.#set = new TokenSet(this.#tokens);
    } catch (error) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_SETTING',
        `METRICS_TOKENS_FILE: ${messageOf(error)}; name a readable file with one token a line.`,
      );
    }
    this.#checkedAt = now();
  }

  /** True if the file had no token when it was last read. */
  get empty(): boolean {
    return this.#tokens.length === 0;
  }

  /** The tokens in force. */
  async current(): Promise<readonly TokenDigest[]> {
    if (this.#now() - this.#checkedAt >= checkIntervalMs) {
      this.#check ??= this.#reread().finally(() => (this.#check = undefined));
      await this.#check;
    }
    return this.#tokens;
  }

  /** True if the token is in force. */
  async includes(token: string): Promise<boolean> {
    await this.current();
    return this.#set.has(token);
  }

  async #reread(): Promise<void> {
    try {
      const signature = signatureOf(await stat(this.#path, { bigint: true }));
      if (signature !== this.#signature) {
        this.#tokens = parseTokensFile(await readFile(this.#path, 'utf8'));
        this.#set = new TokenSet(this.#tokens);
        this.#signature = signature;
      }
      this.#warning.rearm();
    } catch (error) {
      this.#warning.give(`METRICS_TOKENS_FILE: ${messageOf(error)}; the tokens read before stay in force.`);
    }
    this.#checkedAt = this.#now();
  }
}

/**
 * Returns a text that changes with the file, also if it is replaced, or its modification time
 * restored.
 */
function signatureOf(stats: BigIntStats): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  // Reading a pipe or a device could block, or never end.
  if (!stats.isFile() && !stats.isDirectory()) throw new Error('it is not a regular file');
  if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function parseTokensFile(text: string): readonly TokenDigest[] {
  return text.split('\n').flatMap((line, index) => {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) return [];
    const token = parseToken(entry);
    if (typeof token === 'string') throw new Error(`line ${index + 1} ${token}`);
    return [token];
  });
}

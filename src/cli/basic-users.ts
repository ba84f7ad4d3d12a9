import { createHash } from 'node:crypto';

/** A hash of a password that nobody has: an unknown user takes as long as a known one. */
const NOBODY = '$2b$10$.ZzDQVtYpIbp3XV2O9ADY.7JieeeHB7eRm3RQiQ68adxq0b3aTp96';
const MAX_REMEMBERED = 100;
/**
 * So many may wait for their password to be looked at, which takes some 100 ms each; more are
 * refused at once.
 */
const MAX_WAITING = 32;

/**
 * Judges user names and passwords against bcrypt hashes. Remembers verdicts, good and bad, so that
 * a scraper pays once.
 */
export class BasicUsers {
  readonly #verdicts: Map<string, boolean> = new Map();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Whether an Authorization header names one of the users, with the right password. */
  async admits(users: ReadonlyMap<string, string>, authorization: string | undefined): Promise<boolean> {
    const [, user, password] = credentialsOf(authorization) ?? [];
    if (user === undefined || password === undefined) return false;
    const hash = users.get(user) ?? NOBODY;
    // A digest over all three, told apart: no user's verdict can be another's.
    const key = createHash('sha256')
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    if (this.#waiting >= MAX_WAITING) return false;
    const verdict = (await this.#compare(password, hash)) && users.has(user);
    if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts.delete(this.#verdicts.keys().next().value!);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** One after the other: it is all computing. */
  async #compare(password: string, hash: string): Promise<boolean> {
    this.#waiting++;
    const turn = this.#last.then(async () => (await import('bcryptjs')).compare(password, hash));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}

function credentialsOf(authorization: string | undefined): RegExpExecArray | undefined {
  const [, base64] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '') ?? [];
  if (base64 === undefined || base64.length > 4096) return undefined;
  return /^([^:]*):([^]*)$/.exec(Buffer.from(base64, 'base64').toString()) ?? undefined;
}

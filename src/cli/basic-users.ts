import { createHash, createHmac, randomBytes } from 'node:crypto';

const MAX_REMEMBERED = 100;
/** Maximum number of passwords that wait for their check, about 100 ms of CPU each. */
const MAX_WAITING = 32;
/** Maximum of those for one address, so that a client that guesses leaves room for others. */
const MAX_WAITING_PER_ADDRESS = 8;

/** `busy`: too many passwords wait to be checked; this one was not looked at. */
export type Admission = 'admitted' | 'refused' | 'busy';

/**
 * Checks user names and passwords against bcrypt hashes. Remembers verdicts, so that a scraper pays
 * once: good ones apart from bad ones, so that guesses can't push them out.
 */
export class BasicUsers {
  readonly #good: Map<string, true> = new Map();
  readonly #bad: Map<string, true> = new Map();
  readonly #waiting: Map<string, number> = new Map();
  readonly #secret: Buffer = randomBytes(32);
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Judges an Authorization header. A refusal takes equally long for known and unknown users.
   *
   * @param address Where the request comes from.
   */
  async admit(
    users: ReadonlyMap<string, string>,
    authorization: string | undefined,
    address: string = '',
  ): Promise<Admission> {
    const [, user, password] = credentialsOf(authorization) ?? [];
    if (user === undefined || password === undefined) return 'refused';
    const hash = users.get(user) ?? this.#standIn(users, user);
    // JSON separates the three parts, so that no user can get another's verdict.
    const key = createHash('sha256')
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
    if (this.#good.has(key)) return 'admitted';
    if (this.#bad.has(key)) return 'refused';
    if (!this.#hasRoom(address)) return 'busy';
    const right = (await this.#compare(password, hash, address)) && users.has(user);
    remember(right ? this.#good : this.#bad, key);
    return right ? 'admitted' : 'refused';
  }

  /**
   * Returns the hash of a known user, the same one for each name, so that an unknown user takes as
   * long as a known one.
   */
  #standIn(users: ReadonlyMap<string, string>, user: string): string {
    const hashes = [...users.values()];
    const number = createHmac('sha256', this.#secret).update(user).digest().readUInt32BE();
    return hashes[number % hashes.length]!;
  }

  #hasRoom(address: string): boolean {
    let all = 0;
    for (const waiting of this.#waiting.values()) all += waiting;
    return all < MAX_WAITING && (this.#waiting.get(address) ?? 0) < MAX_WAITING_PER_ADDRESS;
  }

  /** Compares one password at a time: bcrypt only uses CPU. */
  async #compare(password: string, hash: string, address: string): Promise<boolean> {
    this.#waiting.set(address, (this.#waiting.get(address) ?? 0) + 1);
    const turn = this.#last.then(async () => (await import('bcryptjs')).compare(password, hash));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      const left = this.#waiting.get(address)! - 1;
      if (left > 0) this.#waiting.set(address, left);
      else this.#waiting.delete(address);
    }
  }
}

function remember(verdicts: Map<string, true>, key: string): void {
  if (verdicts.size >= MAX_REMEMBERED) verdicts.delete(verdicts.keys().next().value!);
  verdicts.set(key, true);
}

function credentialsOf(authorization: string | undefined): RegExpExecArray | undefined {
  const [, base64] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '') ?? [];
  if (base64 === undefined || base64.length > 4096) return undefined;
  return /^([^:]*):([^]*)$/.exec(Buffer.from(base64, 'base64').toString()) ?? undefined;
}

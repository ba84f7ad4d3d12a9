import { MetricsError } from '../errors.ts';
import { verdictOf, type Access, type Verdict } from './access.ts';
import { tokenOf } from './credentials.ts';
import type { Settings } from '../settings/settings.ts';
import { TokenSet } from '../settings/token-set.ts';
import { TokensFile } from './tokens-file.ts';
import { messageOf, Warning } from './warning.ts';

/** The application's callbacks for METRICS_AUTHENTICATION. */
export interface AuthenticationCallbacks<Subject> {
  /**
   * Returns whether somebody is logged in, and may read metrics. If it throws, the request gets
   * 401.
   */
  readonly session?: ((request: Subject) => Access | Promise<Access>) | undefined;
  /**
   * Returns whether the application knows the token, and it may read metrics. If it throws, the
   * request gets 401.
   */
  readonly checkToken?: ((token: string) => Access | Promise<Access>) | undefined;
}

/** Decides who may read the page. */
export class Authenticator<Subject> {
  readonly #settings: Settings;
  readonly #callbacks: AuthenticationCallbacks<Subject>;
  readonly #tokens: TokenSet;
  readonly #file: TokensFile | undefined;
  readonly #warning: Warning = new Warning('WARN_METRICS_AUTHENTICATION');

  /**
   * @throws MetricsError ERR_METRICS_INVALID_SETTING when authentication is on and nobody could
   *   ever pass it, or when the tokens file can't be read.
   */
  constructor(settings: Settings, callbacks: AuthenticationCallbacks<Subject>) {
    this.#settings = settings;
    this.#callbacks = callbacks;
    this.#tokens = new TokenSet(settings.tokens);
    const { authentication, tokens, tokensFile, port } = settings;
    if (!authentication) {
      if (tokens.length > 0 || tokensFile !== undefined) this.#warning.give(unusedTokens);
      return;
    }
    this.#file = tokensFile === undefined ? undefined : new TokensFile(tokensFile);
    const sessions = callbacks.session !== undefined && port === undefined;
    const anyToken = tokens.length > 0 || this.#file?.empty === false;
    if (!anyToken && callbacks.checkToken === undefined && !sessions) {
      throw new MetricsError('ERR_METRICS_INVALID_SETTING', port === undefined ? nobody : nobodyOnPort);
    }
  }

  /**
   * @param authorization the request's Authorization header, `undefined` if it has none or more
   *   than one
   * @param subject what the application's `session` takes; `undefined` where nobody can be logged
   *   in
   */
  async judge(authorization: string | undefined, subject: Subject | undefined): Promise<Verdict> {
    if (!this.#settings.authentication) return 200;
    try {
      const token = tokenOf(authorization);
      const byToken = token === undefined ? 401 : await this.#judgeToken(token);
      if (byToken === 200 || subject === undefined) return byToken;
      const bySession = verdictOf(await this.#callbacks.session?.(subject));
      return bySession === 401 ? byToken : bySession;
    } catch (error) {
      this.#warning.give(`Asking the application who may read metrics failed: ${messageOf(error)}; refused with 401.`);
      return 401;
    }
  }

  async #judgeToken(token: string): Promise<Verdict> {
    const inFile = (await this.#file?.includes(token)) ?? false;
    if (this.#tokens.has(token) || inFile) return 200;
    return verdictOf(await this.#callbacks.checkToken?.(token));
  }
}

const unusedTokens =
  'METRICS_TOKENS or METRICS_TOKENS_FILE is set but METRICS_AUTHENTICATION is not: anybody may read the metrics. ' +
  'Set METRICS_AUTHENTICATION=true to ask for a token.';
const nobody =
  'METRICS_AUTHENTICATION is on but nobody could read the metrics: set METRICS_TOKENS or METRICS_TOKENS_FILE, ' +
  'or give a session or checkToken callback.';
const nobodyOnPort =
  'METRICS_AUTHENTICATION is on with METRICS_PORT, where nobody is logged in: set METRICS_TOKENS or METRICS_TOKENS_FILE, ' +
  'or give a checkToken callback.';

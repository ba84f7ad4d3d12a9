import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { CommandError } from './command.ts';
import { tlsOptions } from './tls-options.ts';
import { parseWebConfig, type WebConfig } from './web-config.ts';

/** A web configuration and the certificates that it names. */
export interface LoadedWebConfig {
  readonly config: WebConfig;
  readonly tls: SecureContextOptions | undefined;
}

/**
 * The current content of `--web.config.file`. Each request and connection checks the file, and
 * reads it again if it or a certificate has changed. After a bad change the last good configuration
 * stays in force, with one message.
 */
export class WebConfigFile {
  readonly #path: string;
  readonly #complain: (text: string) => void;
  readonly #changed: (loaded: LoadedWebConfig) => void;
  #loaded: LoadedWebConfig;
  #signature: string;

  /**
   * @param changed is told of each new configuration
   * @throws CommandError that says all that is wrong with the file.
   */
  constructor(path: string, complain: (text: string) => void, changed: (loaded: LoadedWebConfig) => void) {
    this.#path = resolve(path);
    this.#complain = complain;
    this.#changed = changed;
    try {
      this.#loaded = load(this.#path);
    } catch (error) {
      throw new CommandError(`--web.config.file ${path}: ${(error as Error).message}.`, { cause: error });
    }
    this.#signature = this.#sign();
  }

  /** The configuration of the last check. */
  get loaded(): LoadedWebConfig {
    return this.#loaded;
  }

  /**
   * Checks the file and returns the configuration in force. Takes about 20 µs if nothing has
   * changed.
   */
  current(): LoadedWebConfig {
    const signature = this.#sign();
    if (signature === this.#signature) return this.#loaded;
    this.#signature = signature;
    try {
      const loaded = load(this.#path);
      refuseLateChanges(this.#loaded.config, loaded.config);
      this.#loaded = loaded;
      this.#changed(loaded);
      this.#signature = this.#sign();
    } catch (error) {
      this.#complain(
        `promenade serve: ${this.#path}: ${(error as Error).message}; what was read before stays in force.\n`,
      );
    }
    return this.#loaded;
  }

  #sign(): string {
    const { cert_file, key_file, client_ca_file } = this.#loaded.config.tls ?? {};
    return [this.#path, cert_file, key_file, client_ca_file].map((path) => (path ? signatureOf(path) : '')).join('|');
  }
}

function load(path: string): LoadedWebConfig {
  const config = parseWebConfig(readFileSync(path, 'utf8'), path);
  return { config, tls: config.tls && tlsOptions(config.tls) };
}

/** Refuses changes of options that need a restart. */
function refuseLateChanges(before: WebConfig, now: WebConfig): void {
  const kind = ({ tls, http2 }: WebConfig): string => `${tls?.client_auth_type} ${tls !== undefined && http2}`;
  if (kind(before) === kind(now)) return;
  throw new Error('TLS on or off, client_auth_type and http2 change with a restart only');
}

/** Returns a text that changes with the file. */
function signatureOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'missing' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

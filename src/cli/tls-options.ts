import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { ClientAuth, TlsConfig } from './web-config.ts';

/** Cipher suites of TLS 1.3, which Go always enables. */
const TLS_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/**
 * Returns the options for Node's servers, and reads the certificates from their files.
 *
 * @throws Error for files that can't be read, or hold no certificate, or a key that isn't its own.
 */
export function tlsOptions(tls: TlsConfig): SecureContextOptions {
  const cert = tls.cert || readFileSync(tls.cert_file!);
  const key = tls.key || readFileSync(tls.key_file!);
  const ca = tls.client_ca || (tls.client_ca_file ? readFileSync(tls.client_ca_file) : undefined);
  const suites = tls.cipher_suites.filter((suite) => !TLS_13.includes(suite));
  const options: SecureContextOptions = {
    cert,
    key,
    ...(ca !== undefined && { ca }),
    minVersion: tls.min_version,
    maxVersion: tls.max_version,
    ...(suites.length > 0 && { ciphers: [...TLS_13, ...suites].join(':') }),
    ...(tls.curve_preferences.length > 0 && { ecdhCurve: tls.curve_preferences.join(':') }),
    honorCipherOrder: tls.prefer_server_cipher_suites,
  };
  createSecureContext(options);
  return options;
}

/**
 * Returns the options for client certificates. Node verifies the chain itself where a certificate
 * is always required.
 */
export function clientOptions(auth: ClientAuth): {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
} {
  return { requestCert: auth !== 'NoClientCert', rejectUnauthorized: auth === 'RequireAndVerifyClientCert' };
}

/** True if the configuration accepts the client's certificate, or its absence. */
export function admitsClient(socket: TLSSocket, { client_auth_type, client_allowed_sans }: TlsConfig): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return !client_auth_type.startsWith('Require');
  if (client_auth_type.includes('Verify') && !socket.authorized) return false;
  if (client_allowed_sans === undefined) return true;
  // Names with unusual characters are quoted here, and never match.
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address|URI|email):/, ''));
  return names.some((name) => client_allowed_sans.includes(name));
}

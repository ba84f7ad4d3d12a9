// By the names that prom-client requires them by: tests that put something else in their place go on working.
// oxlint-disable-next-line unicorn/prefer-node-protocol
import http from 'http';
// oxlint-disable-next-line unicorn/prefer-node-protocol
import https from 'https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Registry, register } from './registry.ts';
import type { RegistryContentType } from './types.ts';

const pack = promisify(gzip);

/** What goes with each push, beside what `http.request` takes. */
export interface PushgatewayOptions extends https.RequestOptions {
  /** Whether each push has to name its job. @default true */
  requireJobName?: boolean;
}

/** Which group of metrics a push is about. */
export interface PushgatewayParameters {
  jobName?: string;
  groupings?: Readonly<Record<string, string>>;
}

/** What the gateway answered. */
export interface PushgatewayAnswer {
  readonly resp: http.IncomingMessage;
  readonly body: string;
}

/** Pushes a registry to a Pushgateway, for jobs that end before they could be scraped. */
// The type parameter is prom-client's: code that gives it one has to compile.
export class Pushgateway<_ContentType extends RegistryContentType = RegistryContentType> {
  readonly #url: string;
  readonly #registry: Registry;
  readonly #requireJobName: boolean;
  readonly #requestOptions: https.RequestOptions;

  /** @param url with user and password, if any. @param options or the registry. */
  constructor(url: string, options?: PushgatewayOptions | Registry | null, registry?: Registry) {
    const { requireJobName = true, ...requestOptions } = options instanceof Registry ? {} : (options ?? {});
    this.#url = url;
    this.#registry = options instanceof Registry ? options : (registry ?? register);
    this.#requireJobName = requireJobName;
    this.#requestOptions = requestOptions;
  }

  /**
   * Replaces the metrics of the same name in the group.
   * @throws Error without a job name where one is needed.
   */
  pushAdd(parameters?: PushgatewayParameters): Promise<PushgatewayAnswer> {
    return this.#request('POST', parameters);
  }

  /** Replaces the whole group. @throws Error without a job name where one is needed. */
  push(parameters?: PushgatewayParameters): Promise<PushgatewayAnswer> {
    return this.#request('PUT', parameters);
  }

  /** Deletes the group. @throws Error without a job name where one is needed. */
  delete(parameters?: PushgatewayParameters): Promise<PushgatewayAnswer> {
    return this.#request('DELETE', parameters);
  }

  #request(
    method: 'POST' | 'PUT' | 'DELETE',
    { jobName, groupings = {} }: PushgatewayParameters = {},
  ): Promise<PushgatewayAnswer> {
    if (this.#requireJobName && !jobName) throw new Error('Missing jobName parameter');
    const url = new URL(this.#url);
    const group = jobName ? Object.entries({ job: jobName, ...groupings }) : [];
    const path = group.map(([name, value]) => `/${encodeURIComponent(name)}/${encodeURIComponent(value)}`).join('');
    url.pathname = `${url.pathname === '/' ? '' : url.pathname}/metrics${path}`;
    return this.#send(url, method);
  }

  #send(url: URL, method: string): Promise<PushgatewayAnswer> {
    const { headers: given, ...rest } = this.#requestOptions;
    const headers = given && { ...(given as http.OutgoingHttpHeaders) };
    const isPacked = headers?.['Content-Encoding'] === 'gzip';
    if (method === 'DELETE') delete headers?.['Content-Encoding'];
    const options = { ...rest, ...(headers && { headers }), method };
    // prom-client gives `http.request` one object, its successor a URL and options: stand-ins for
    // it in people's tests look at either.
    Object.assign(
      url,
      { method, path: url.pathname, ...(url.username && { auth: `${url.username}:${url.password}` }) },
      headers && { headers },
    );
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(url, options, (resp) => {
        let body = '';
        resp.setEncoding('utf8');
        resp.on('data', (chunk: string) => (body += chunk));
        resp.on('error', reject);
        resp.on('end', () => {
          if (resp.statusCode! >= 400) reject(new Error(`push failed with status ${resp.statusCode}, ${body}`));
          else resolve({ resp, body });
        });
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error('Pushgateway request timed out')));
      if (method === 'DELETE') request.end();
      else this.#body(isPacked).then((body) => request.end(body), reject);
    });
  }

  async #body(isPacked: boolean): Promise<string | Buffer> {
    const metrics = await this.#registry.metrics();
    return isPacked ? pack(metrics) : metrics;
  }
}

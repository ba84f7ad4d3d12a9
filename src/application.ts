import type { IncomingMessage } from 'node:http';
import { createEndpoint, type Endpoint, type EndpointOptions } from './endpoint/endpoint.ts';
import type { Environment } from './endpoint/settings.ts';
import { instrumentHttpServer, type InstrumentHttpServerOptions } from './instrument/http-server.ts';

/** What every framework's `promenade(options)` takes. */
export interface ApplicationOptions<Subject = IncomingMessage> extends EndpointOptions<Subject> {
  /** How requests are measured; `false` for not at all. */
  readonly http?: false | Omit<InstrumentHttpServerOptions, 'registry' | 'namespace'> | undefined;
}

/** The metrics of an application, turned on. */
export interface ApplicationMetrics<Subject> {
  readonly endpoint: Endpoint<Subject>;
  readonly measuresHttp: boolean;
  /** Opens the listener on METRICS_PORT, if there is one. */
  listen(): Promise<void>;
  /** Stops measuring and closes the listener; what was counted stays. Idempotent. */
  close(): Promise<void>;
}

/**
 * Turns on what the settings ask for: the page, and the measuring of HTTP. Adapters put it into their framework.
 *
 * @returns `undefined` where METRICS_ENABLED is not true: nothing has happened then, and nothing costs anything.
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings and how to mend it.
 */
export function startApplicationMetrics<Subject>(
  options: ApplicationOptions<Subject>,
  environment?: Environment,
): ApplicationMetrics<Subject> | undefined {
  const { http, ...endpointOptions } = options;
  const endpoint = createEndpoint<Subject>(endpointOptions, environment);
  if (!endpoint.enabled) return undefined;
  const { registry, settings } = endpoint;
  const stopHttp =
    http === false ? undefined : instrumentHttpServer({ ...http, registry, namespace: settings.namespace });
  return {
    endpoint,
    measuresHttp: stopHttp !== undefined,
    listen: () => endpoint.listen(),
    close: async () => {
      stopHttp?.();
      await endpoint.close();
    },
  };
}

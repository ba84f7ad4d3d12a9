import type { Settings } from './settings-table.ts';

/**
 * Returns where the page is, for people to open; `undefined` where metrics are off.
 *
 * @param origin The address of the application's own server, such as `http://127.0.0.1:8080`, for
 *   settings without METRICS_PORT.
 * @default none: the path alone
 */
export function metricsUrl({ enabled, host, port, path }: Settings, origin: string = ''): string | undefined {
  if (!enabled) return undefined;
  if (port === undefined) return origin + path;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
}

import type { IncomingMessage } from 'node:http';
import { Registry } from '../core/registry.ts';
import { type Endpoint, openEndpoint, type PageOptions } from '../endpoint/endpoint.ts';
import type { Settings } from '../settings/settings.ts';
import { ReadOnlyStore } from '../store/reader/read-only-store.ts';

/** Options of a directory's page. */
export interface DirectoryPageOptions extends Pick<PageOptions<IncomingMessage | Request>, 'session'> {
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Opens the page of a directory in which this process does not count. It equals the page of any
 * process of the application with the same settings.
 *
 * @param settings Where the page is served is the caller's business: host and port are ignored.
 * @throws MetricsError as `createEndpoint` does; ERR_METRICS_INVALID_LABEL for an invalid label.
 */
export function openDirectoryPage(
  directory: string,
  settings: Settings,
  { labels = {}, session }: DirectoryPageOptions = {},
): Endpoint<IncomingMessage | Request> {
  const registry = new Registry({ openStore: () => new ReadOnlyStore(directory) });
  registry.setDefaultLabels(labels);
  return openEndpoint({ ...settings, enabled: true, port: undefined, multiprocDir: undefined }, { registry, session });
}

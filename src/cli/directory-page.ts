import type { IncomingMessage } from 'node:http';
import { Registry } from '../core/registry.ts';
import { createEndpoint, type Endpoint, type EndpointOptions } from '../endpoint/endpoint.ts';
import type { Environment, SettingsOptions } from '../settings/settings.ts';
import { ReadOnlyStore } from '../store/reader/read-only-store.ts';

/**
 * Where the page is, and for whom, is not the application's to say here; and this process counts
 * nowhere.
 */
const NOT_OURS: readonly string[] = [
  'PROMETHEUS_MULTIPROC_DIR',
  'prometheus_multiproc_dir',
  'METRICS_ENABLED',
  'METRICS_HOST',
  'METRICS_PORT',
  'METRICS_ON_COLD_START',
  'METRICS_ROLE',
];

/** What a page of a directory is made with, beside the directory. */
export interface DirectoryPageOptions
  extends Pick<SettingsOptions, 'path'>, Pick<EndpointOptions<IncomingMessage | Request>, 'session'> {
  readonly labels?: Readonly<Record<string, string>>;
  readonly environment: Environment;
}

/**
 * The page of a directory in which this process does not count: what any process of the application
 * shows that follows the same settings.
 *
 * @throws MetricsError as `createEndpoint` does; ERR_METRICS_INVALID_LABEL for a label that can't
 *   be.
 */
export function openDirectoryPage(
  directory: string,
  { labels = {}, environment, ...options }: DirectoryPageOptions,
): Endpoint<IncomingMessage | Request> {
  const registry = new Registry({ openStore: () => new ReadOnlyStore(directory) });
  registry.setDefaultLabels(labels);
  const rest = Object.entries(environment).filter(([name]) => !NOT_OURS.includes(name));
  return createEndpoint<IncomingMessage | Request>({ ...options, registry, enabled: true }, Object.fromEntries(rest));
}

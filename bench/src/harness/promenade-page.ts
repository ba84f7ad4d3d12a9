import type { Registry } from 'promenade';
import { createEndpoint } from 'promenade/fetch';

/** Scrapes a registry the way that an application would have it scraped, but for the network. */
export function createPage(registry: Registry): () => Promise<string> {
  const endpoint = createEndpoint({ enabled: true, registry });
  return async () => (await endpoint.fetch(new Request('http://127.0.0.1/metrics'))).text();
}

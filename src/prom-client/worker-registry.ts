import { shareThreads } from './share-threads.ts';
import { ClusterRegistry } from './cluster-registry.ts';
import type { RegistryContentType } from './types.ts';

/**
 * @prometheus-io/client's registry of worker threads: made in the main thread, before the threads
 *   start, it has them share a directory.
 */
export class WorkerRegistry<
  ContentType extends RegistryContentType = RegistryContentType,
> extends ClusterRegistry<ContentType> {
  constructor(contentType?: RegistryContentType) {
    super(contentType);
    shareThreads();
  }

  /** The page, with the numbers of all threads. */
  workerMetrics(): Promise<string> {
    return this.clusterMetrics();
  }
}

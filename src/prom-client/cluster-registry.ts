import { Registry, register } from './registry.ts';
import type { RegistryContentType } from './types.ts';

/**
 * prom-client's registry of a cluster's primary. The numbers are in the directory that the
 * processes share, so that any of them can tell them all: nobody is asked, nobody is waited for,
 * and what a worker counted stays when it is killed.
 */
export class ClusterRegistry<
  ContentType extends RegistryContentType = RegistryContentType,
> extends Registry<ContentType> {
  /** The page, with the numbers of all processes. */
  clusterMetrics(): Promise<string> {
    return register.metricsAs(this.contentType);
  }

  /** There is nothing to hand over before a process ends. */
  async shutdown(): Promise<void> {}

  /**
   * Puts the metrics of other registries than the global one on the page, to be merged with those
   * of other processes.
   * @throws TypeError for anything else.
   */
  static setRegistries(registries: Registry | readonly Registry[]): void {
    const all = Array.isArray(registries) ? (registries as readonly Registry[]) : [registries as Registry];
    for (const registry of all) {
      if (!(registry instanceof Registry)) throw new TypeError(`Expected Registry, got ${typeof registry}`);
    }
    for (const registry of all) registry.joinPage();
  }
}

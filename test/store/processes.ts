import { onTestFinished } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { Summary } from '../../src/core/summary.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';

/**
 * What one process does with a directory, done in the test's own: locks and files can't tell, since
 * each store opens files of its own. `die` gives the slot up as the kernel does for a process that
 * was killed.
 */
export class Process {
  readonly store: MappedStore;
  readonly registry: Registry;

  constructor(directory: string, role: string = 'worker') {
    this.store = new MappedStore({ directory, role });
    this.registry = new Registry({ openStore: () => this.store });
    onTestFinished(() => this.die());
  }

  /** Defines one family of each type that sums, and counts so often in each. */
  count(times: number): void {
    const { registry } = this;
    const requests = new Counter({ name: 'requests_total', help: 'Help.', labelNames: ['method', 'path'], registry });
    const sizes = new Histogram({ name: 'sizes', help: 'Help.', labelNames: ['path'], buckets: [1, 2], registry });
    const delays = new Summary({ name: 'delays', help: 'Help.', registry });
    for (let i = 0; i < times; i++) {
      requests.labels({ method: 'GET', path: `/${i % 3}` }).inc();
      sizes.labels({ path: `/${i % 3}` }).observe(2);
      delays.observe(1);
    }
  }

  die(): void {
    this.registry.close();
  }
}

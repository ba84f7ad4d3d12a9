import { Bound } from './bound.ts';
import { toDefinition } from './definition.ts';
import type { LabelSet } from './labels.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';

class BoundInfo extends Bound {
  show(): void {
    if (this.index < 0) this.wake().show();
    else this.cells[this.index] = 1;
  }
}

/**
 * Facts that don't change while a process lives, as labels of a series that is always 1. Processes
 * that say the same show once.
 */
export class Info<L extends string = never> extends Metric<L, BoundInfo> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: MetricOptions<L>) {
    super({ ...toDefinition('info', options, '_info'), liveOnly: true }, options, bindInfo);
  }

  /** Says it; what was said before is taken back. @throws MetricsError ERR_METRICS_INVALID_LABEL */
  set(values: LabelSet<L>): void {
    const handle = this.labels(values);
    for (const other of [...this.series.handles()]) if (other !== handle) this.series.drop(other);
    handle.show();
  }
}

const bindInfo: Bind<BoundInfo> = (owner, labelValues) => new BoundInfo(owner, labelValues);

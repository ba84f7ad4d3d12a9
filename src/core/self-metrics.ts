import { shownName } from '../snapshot/names.ts';
import type { FamilyDefinition, FamilySnapshot, LabelValues } from '../snapshot/snapshot.ts';
import type { StoreStatus } from '../store/store.ts';
import { Counter } from './counter.ts';
import type { Registry } from './registry.ts';
import type { SelfObserver } from './self-observer.ts';

/**
 * Puts what Promenade knows of itself on the registry's page: series by family, series past the
 * limit, processes, the store's size and state. Idempotent.
 *
 * @param prefix of the families' names.
 * @default none
 */
export function observeSelf(registry: Registry, prefix: string = ''): void {
  registry.self ??= new SelfMetrics(registry, prefix);
}

class SelfMetrics implements SelfObserver {
  readonly #overflowed: Counter<'family'>;
  readonly #truncated: Counter<'family'>;
  readonly #collectErrors: Counter<'family'>;
  readonly #quarantined: Counter;
  readonly #prefix: string;
  #quarantinedSeen = 0;

  constructor(registry: Registry, prefix: string) {
    this.#prefix = prefix;
    const perFamily = { labelNames: ['family'], registry } as const;
    this.#overflowed = new Counter({
      name: `${prefix}metrics_overflowed_series_total`,
      help: 'Label sets that were counted in the overflow series, because the family has too many series or the store is full.',
      usesReserve: true,
      ...perFamily,
    });
    this.#truncated = new Counter({
      name: `${prefix}metrics_truncated_values_total`,
      help: 'Label values that were longer than 1 KiB and were cut.',
      ...perFamily,
    });
    this.#collectErrors = new Counter({
      name: `${prefix}metrics_collect_errors_total`,
      help: "Runs of a metric's collect callback that threw, or did not end in time.",
      ...perFamily,
    });
    this.#quarantined = new Counter({
      name: `${prefix}metrics_store_quarantined_files_total`,
      help: 'Files of the metrics directory that could not be read and were put aside.',
      registry,
      collect: () => {
        const { quarantined } = registry.status();
        this.#quarantined.inc(quarantined - this.#quarantinedSeen);
        this.#quarantinedSeen = quarantined;
      },
    });
  }

  overflowed(family: string): void {
    // Where the store has no room for this family either, its own overflow series counts.
    if (family === shownName(this.#overflowed.definition)) return;
    this.#overflowed.labels({ family }).inc();
  }

  truncated(family: string): void {
    this.#truncated.labels({ family }).inc();
  }

  collectFailed(family: string): void {
    this.#collectErrors.labels({ family }).inc();
  }

  families(merged: readonly FamilySnapshot[], status: StoreStatus, conflicts: number): readonly FamilySnapshot[] {
    const roles = new Map<string, number>();
    for (const { role, live } of status.slots) if (live) roles.set(role, (roles.get(role) ?? 0) + 1);
    return [
      this.#gauge(
        SERIES,
        merged.map(({ definition, series }) => [[shownName(definition)], series.length]),
      ),
      this.#gauge(
        PROCESSES,
        [...roles].sort(([a], [b]) => (a < b ? -1 : 1)).map(([role, count]) => [[role], count]),
      ),
      this.#gauge(STORE_BYTES, [[[], status.bytes]]),
      this.#gauge(STORE_FULL, [[[], status.full ? 1 : 0]]),
      this.#gauge(STORE_DAMAGED, [[[], status.damaged]]),
      this.#gauge(STORE_UNREADABLE, [[[], status.unreadable]]),
      this.#gauge(CONFLICTS, [[[], conflicts]]),
    ];
  }

  #gauge(definition: FamilyDefinition, rows: readonly (readonly [LabelValues, number])[]): FamilySnapshot {
    return {
      definition: { ...definition, name: this.#prefix + definition.name },
      series: rows.map(([labels]) => labels),
      values: Float64Array.from(rows, ([, value]) => value),
    };
  }
}

const SERIES: FamilyDefinition = define('metrics_series', 'Series on this page, by family.', ['family']);
const PROCESSES: FamilyDefinition = define(
  'metrics_processes',
  'Live processes (and threads) that count into the directory.',
  ['role'],
);
const STORE_BYTES: FamilyDefinition = define(
  'metrics_store_bytes',
  'What the numbers and names of all processes take.',
  [],
  'bytes',
);
const STORE_FULL: FamilyDefinition = define(
  'metrics_store_full',
  'Whether new series had to be turned away for want of space.',
);
const STORE_DAMAGED: FamilyDefinition = define(
  'metrics_store_damaged_entries',
  'Records and numbers in the files of the store that are damaged, so that the page lacks them.',
);
const STORE_UNREADABLE: FamilyDefinition = define(
  'metrics_store_unreadable_slots',
  'Processes whose numbers this process may not read, so that the page lacks them.',
);
const CONFLICTS: FamilyDefinition = define(
  'metrics_conflicting_definitions',
  'Families of a process that were left out, because a later definition contradicts theirs.',
);

function define(name: string, help: string, labelNames: readonly string[] = [], unit: string = ''): FamilyDefinition {
  return { name, type: 'gauge', help, unit, labelNames, aggregation: 'sum', liveOnly: true };
}

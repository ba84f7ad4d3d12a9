import { whenActive } from '../core/activation.ts';
import { defaultRegistry } from '../core/default-registry.ts';
import { Gauge } from '../core/gauge.ts';
import type { Registry } from '../core/registry.ts';

/** How far the migrations of a database are. */
export interface Migrations {
  /** The database's alias. @default 'default' */
  readonly connection?: string | undefined;
  readonly applied: number;
  /** Those that are still to be run. */
  readonly unapplied: number;
  /** Whose page it is. @default the default registry */
  readonly registry?: Registry | undefined;
}

interface MigrationGauges {
  readonly applied: Gauge<'connection'>;
  readonly unapplied: Gauge<'connection'>;
}

const gauges: WeakMap<Registry, MigrationGauges> = new WeakMap();

/**
 * Shows `django_migrations_applied_total` and `django_migrations_unapplied_total` under
 * METRICS_COMPAT=django; without it nothing happens. No hook can find these numbers out, so say
 * them when the application starts, and again when they change. Of several processes the latest
 * counts.
 *
 * @example
 * setMigrations({ applied: 12, unapplied: 0 });
 */
export function setMigrations(migrations: Migrations): void {
  const { connection = 'default', applied, unapplied, registry = defaultRegistry } = migrations;
  whenActive(
    registry,
    ({ compat }) => {
      if (compat !== 'django') return;
      const { applied: appliedGauge, unapplied: unappliedGauge } = gaugesOf(registry);
      appliedGauge.labels({ connection }).set(applied);
      unappliedGauge.labels({ connection }).set(unapplied);
    },
    { prefixed: false },
  );
}

function gaugesOf(registry: Registry): MigrationGauges {
  let both = gauges.get(registry);
  if (both === undefined) {
    const gauge = (name: string, help: string): Gauge<'connection'> =>
      new Gauge({ name, help, labelNames: ['connection'], aggregation: 'mostRecent', registry });
    both = {
      applied: gauge('django_migrations_applied_total', 'Count of applied migrations by database connection'),
      unapplied: gauge('django_migrations_unapplied_total', 'Count of unapplied migrations by database connection'),
    };
    gauges.set(registry, both);
  }
  return both;
}

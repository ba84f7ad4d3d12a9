import type { Registry } from '../../core/registry.ts';
import type { Instrumentation } from '../hooks/attach.ts';
import { type DatabaseFamilies, defineDatabaseFamilies } from './families.ts';
import { PoolChanges } from './pool.ts';
import { DatabaseSeries, type DatabaseSystem } from './series.ts';

const recorders: WeakMap<Registry, DatabaseRecorder> = new WeakMap();

/** The databases of a registry. It knows no driver. */
export class DatabaseRecorder {
  readonly #families: DatabaseFamilies;
  readonly #changes: PoolChanges = new PoolChanges();
  readonly #databases: Map<string, Map<DatabaseSystem, DatabaseSeries>> = new Map();

  /**
   * The one recorder of a registry.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of the same
   *   name.
   */
  static of(instrumentation: Instrumentation): DatabaseRecorder {
    const { registry } = instrumentation;
    let recorder = recorders.get(registry);
    if (recorder === undefined) recorders.set(registry, (recorder = new DatabaseRecorder(instrumentation)));
    return recorder;
  }

  private constructor(instrumentation: Instrumentation) {
    this.#families = defineDatabaseFamilies({ ...instrumentation, collect: this.#changes.refresh });
  }

  /** The series of a database; all that has its alias and system is added up. */
  database(db: string, system: DatabaseSystem): DatabaseSeries {
    let systems = this.#databases.get(db);
    if (systems === undefined) this.#databases.set(db, (systems = new Map()));
    let series = systems.get(system);
    if (series === undefined) {
      series = new DatabaseSeries(this.#families, db, system, this.#changes);
      systems.set(system, series);
    }
    return series;
  }
}

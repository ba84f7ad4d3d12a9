import type { Instrumentation } from '../hooks/attach.ts';
import { Handles } from '../recorder-kit/handles.ts';
import { perRegistry } from '../recorder-kit/per-registry.ts';
import { type DatabaseFamilies, defineDatabaseFamilies } from './families.ts';
import { PoolChanges } from './pool.ts';
import { DatabaseSeries, type DatabaseSystem } from './series.ts';

/** The databases of a registry. It knows no driver. */
export class DatabaseRecorder {
  readonly #families: DatabaseFamilies;
  readonly #changes: PoolChanges = new PoolChanges();
  readonly #databases: Handles<Handles<DatabaseSeries>> = new Handles(
    (db) => new Handles((system) => new DatabaseSeries(this.#families, db, system as DatabaseSystem, this.#changes)),
  );

  /**
   * The one recorder of a registry.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
   */
  static readonly of: (instrumentation: Instrumentation) => DatabaseRecorder = perRegistry(
    'database',
    (instrumentation: Instrumentation) => new DatabaseRecorder(instrumentation),
  );

  private constructor(instrumentation: Instrumentation) {
    this.#families = defineDatabaseFamilies({ ...instrumentation, collect: this.#changes.refresh });
  }

  /** The series of a database; databases of the same alias and system are added up. */
  database(db: string, system: DatabaseSystem): DatabaseSeries {
    return this.#databases.of(db).of(system);
  }
}

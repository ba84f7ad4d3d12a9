import type { Counter } from '../../core/counter.ts';
import type { Gauge } from '../../core/gauge.ts';
import { FamilyGroup, type FamilyPlace, prefixed } from '../recorder-kit/family-group.ts';

/** The families of models. They count rows, not statements. */
export interface ModelFamilies {
  readonly inserts: Counter<'model'>;
  readonly updates: Counter<'model'>;
  readonly deletes: Counter<'model'>;
  readonly rolledBack: Counter<'model' | 'operation'>;
  /**
   * Rows of transactions that are open, on no page: those of a process that is killed are added to
   * `rolledBack`, as the database rolls its transactions back.
   */
  readonly open: Gauge<'model' | 'operation'>;
}

/**
 * Defines all of them.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of the name.
 */
export function defineModelFamilies(place: FamilyPlace): ModelFamilies {
  const families = new FamilyGroup(place, 'model');
  return {
    inserts: families.counter('inserts', 'Rows inserted, by model.', ['model']),
    updates: families.counter('updates', 'Rows updated, by model.', ['model']),
    deletes: families.counter('deletes', 'Rows deleted, by model.', ['model']),
    rolledBack: families.counter(
      'rolled_back_operations',
      'Rows inserted, updated or deleted in a transaction that was rolled back, by model and operation; they are in the other families too.',
      ['model', 'operation'],
    ),
    open: families.gauge(
      'open_operations',
      'Rows inserted, updated or deleted in transactions that are open.',
      ['model', 'operation'],
      { settlesInto: prefixed(place, 'model_rolled_back_operations') },
    ),
  };
}

import { Counter } from '../../core/counter.ts';
import type { Registry } from '../../core/registry.ts';

/** The families of CATALOGUE's section on models. */
export interface ModelFamilies {
  readonly inserts: Counter<'model'>;
  readonly updates: Counter<'model'>;
  readonly deletes: Counter<'model'>;
  readonly rolledBack: Counter<'model' | 'operation'>;
}

/**
 * Defines all of them. They count rows, not statements.
 *
 * @param namespace Prefix of every family, without the underscore that follows it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineModelFamilies(registry: Registry, namespace: string = ''): ModelFamilies {
  const prefix = namespace === '' ? 'model_' : `${namespace}_model_`;
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name: prefix + name, help, labelNames, registry });
  return {
    inserts: counter('inserts', 'Rows inserted, by model.', ['model']),
    updates: counter('updates', 'Rows updated, by model.', ['model']),
    deletes: counter('deletes', 'Rows deleted, by model.', ['model']),
    rolledBack: counter(
      'rolled_back_operations',
      'Rows inserted, updated or deleted in a transaction that was rolled back, by model and operation; they are in the other families too.',
      ['model', 'operation'],
    ),
  };
}

import { collectedFamily, type Collector, registerApp } from 'promenade';
import type { Queryable } from './database/database.ts';
import type { Model } from './resource/model.ts';
import type { Services } from './services.ts';

/**
 * Registers the application's own apps with their collectors. METRICS_DISABLED_APPS leaves out each
 * by its name.
 */
export function registerApps({ resources, database }: Services): void {
  const apps = new Map(resources.map(({ app }) => [app.name, app]));
  for (const { name, models } of apps.values()) {
    registerApp(name, { collectors: [objectsByStatus(name, models, database.reads)] });
  }
  registerApp('extras', { collectors: [jobsByStatus(database.reads)] });
}

function objectsByStatus(app: string, models: readonly Model[], reads: Queryable): Collector {
  return {
    name: 'objects',
    refreshSeconds: 30,
    async *collect({ signal }) {
      const samples = [];
      for (const { name: model, fields } of models) {
        if (!fields.some(({ name }) => name === 'status')) continue;
        signal.throwIfAborted();
        for (const [status, value] of await countBy(model, 'status', reads)) {
          samples.push({ labels: { model, status }, value });
        }
      }
      const help = 'Objects, by model and status.';
      yield collectedFamily({ name: `${app}_objects`, help, labelNames: ['model', 'status'], samples });
    },
  };
}

function jobsByStatus(reads: Queryable): Collector {
  return {
    name: 'jobs',
    refreshSeconds: 15,
    async *collect() {
      const counts = await countBy('job', 'status', reads);
      yield collectedFamily({
        name: 'extras_jobs',
        help: 'Background jobs that are remembered, by status.',
        labelNames: ['status'],
        samples: ['queued', 'running', 'succeeded', 'failed'].map((status) => ({
          labels: { status },
          value: counts.get(status) ?? 0,
        })),
      });
    },
  };
}

async function countBy(table: string, column: string, reads: Queryable): Promise<Map<string, number>> {
  const rows = await reads
    .selectFrom(table)
    .select(({ fn }) => [column, fn.countAll().as('count')])
    .groupBy(column)
    .execute();
  return new Map(rows.map((row) => [String(row[column]), Number(row['count'])]));
}

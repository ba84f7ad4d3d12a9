import { collectedFamily, type Collector, registerApp } from 'promenade';
import { parseCidr } from '../../resource/ip.ts';
import type { Plugin, PluginHost } from '../plugin.ts';

/** The fullest prefixes are shown, at most this many. */
const shownPrefixes = 500;

/**
 * Reports how full the inventory is. Written as a third party's plug-in would be: it uses only what
 * the application gives to plug-ins and what Promenade exports. METRICS_DISABLED_APPS=capacity
 * leaves it out.
 */
export const capacity: Plugin = {
  name: 'capacity',
  start(host) {
    registerApp('capacity', { collectors: [objects(host), prefixUtilisation(host), jobResults(host)] });
  },
};

function objects({ resources, reads }: PluginHost): Collector {
  return {
    name: 'objects',
    refreshSeconds: 30,
    async *collect({ signal }) {
      const samples = [];
      for (const { app, model } of resources) {
        signal.throwIfAborted();
        const counted = await reads
          .selectFrom(model.name)
          .select(({ fn }) => fn.countAll().as('count'))
          .executeTakeFirst();
        samples.push({ labels: { model: `${app.name}.${model.name}` }, value: Number(counted?.['count']) });
      }
      yield collectedFamily({ name: 'capacity_objects', help: 'Objects, by model.', labelNames: ['model'], samples });
    },
  };
}

function prefixUtilisation({ reads }: PluginHost): Collector {
  return {
    name: 'prefix_utilisation',
    refreshSeconds: 60,
    timeoutMs: 20_000,
    async *collect() {
      const rows = await reads
        .selectFrom('prefix as p')
        .leftJoin('address as a', 'a.prefix_id', 'p.id')
        .select(({ fn }) => ['p.prefix', 'p.role', fn.count('a.id').as('used')])
        .where('p.status', '<>', 'container')
        .groupBy(['p.id', 'p.prefix', 'p.role'])
        .execute();
      const prefixes = rows.map((row) => {
        const labels = { prefix: String(row['prefix']), role: String(row['role']) };
        const size = parseCidr(labels.prefix)?.size ?? 1;
        return { labels, used: Number(row['used']), size, value: Math.min(1, Number(row['used']) / size) };
      });
      yield collectedFamily({
        name: 'capacity_prefix_utilisation_ratio',
        help: `Share of a prefix's addresses that are in use, of the ${shownPrefixes} fullest prefixes.`,
        unit: 'ratio',
        labelNames: ['prefix', 'role'],
        samples: prefixes.toSorted((a, b) => b.value - a.value).slice(0, shownPrefixes),
      });
      const used = new Map<string, number>();
      for (const prefix of prefixes) used.set(prefix.labels.role, (used.get(prefix.labels.role) ?? 0) + prefix.used);
      yield collectedFamily({
        name: 'capacity_prefix_used_addresses',
        help: 'Addresses in use, by the role of their prefix.',
        labelNames: ['role'],
        samples: [...used].map(([role, value]) => ({ labels: { role }, value })),
      });
    },
  };
}

function jobResults({ reads }: PluginHost): Collector {
  return {
    name: 'job_results',
    refreshSeconds: 30,
    async *collect() {
      const rows = await reads
        .selectFrom('job')
        .select(({ fn }) => ['name', 'status', fn.countAll().as('count')])
        .where('status', 'in', ['succeeded', 'failed'])
        .groupBy(['name', 'status'])
        .execute();
      yield collectedFamily({
        name: 'capacity_job_results',
        help: 'Background jobs that have ended and are remembered, by what became of them.',
        labelNames: ['job_name', 'result'],
        samples: rows.map(({ name, status, count }) => ({
          labels: { job_name: String(name), result: String(status) },
          value: Number(count),
        })),
      });
    },
  };
}

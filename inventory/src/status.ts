import { readFileSync } from 'node:fs';
import cluster from 'node:cluster';
import type { FastifyInstance } from 'fastify';
import type { Resource } from './resource/model.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/**
 * Defines `/api`, which lists the resources by app, and `/api/status`, which says which process
 * answers.
 */
export function registerStatus(app: FastifyInstance, resources: readonly Resource[]): void {
  app.get('/api', async () => {
    const index: Record<string, Record<string, string>> = {};
    for (const { app: section, model, path } of resources) (index[section.name] ??= {})[model.plural] = `/api${path}`;
    return { ...index, status: '/api/status' };
  });
  app.get('/api/status', async () => ({
    name: 'inventory',
    version,
    node: process.version,
    pid: process.pid,
    worker: cluster.worker?.id ?? null,
    /** Of this process, in seconds. */
    uptime: process.uptime(),
  }));
}

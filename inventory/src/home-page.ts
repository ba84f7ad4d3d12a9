import type { FastifyInstance } from 'fastify';
import { displayOf } from './resource/model.ts';
import type { Repository } from './resource/repository.ts';

const recentShown = 10;

/** Defines `/`: the number of objects of each kind, and the latest changes. */
export function registerHomePage(app: FastifyInstance, repositories: readonly Repository[]): void {
  app.get('/', async (_request, reply) => {
    const kinds = await Promise.all(
      repositories.map(async (repository) => ({ ...repository.resource, ...(await repository.overview()) })),
    );
    const recent = kinds
      .flatMap(({ model, path, rows }) =>
        rows.map((row) => ({
          label: model.label,
          text: displayOf(model, row),
          href: `${path}/${row['id']}`,
          updated: String(row['updated']),
        })),
      )
      .toSorted((a, b) => b.updated.localeCompare(a.updated))
      .slice(0, recentShown);
    return reply.viewAsync('home', { title: 'Overview', kinds, recent });
  });
}

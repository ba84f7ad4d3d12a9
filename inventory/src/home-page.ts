import type { FastifyInstance } from 'fastify';
import { displayOf } from './resource/model.ts';
import type { Repository } from './resource/repository.ts';

const recentShown = 10;

/** Defines `/`: how many objects of each kind there are, and which changed last. */
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

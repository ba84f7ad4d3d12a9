import type { FastifyInstance } from 'fastify';

/** The one place that touches Promenade. */
export async function registerMetrics(_app: FastifyInstance): Promise<void> {}

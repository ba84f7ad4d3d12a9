import type { Server } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { DEVICE } from './device.ts';

const INSTALL: Readonly<Record<string, (app: FastifyInstance) => Promise<void>>> = {
  'without metrics': async () => {},
  promenade: async (app) => {
    const { promenade } = await import('promenade/fastify');
    await app.register(promenade({ enabled: true }));
  },
  'fastify-metrics': async (app) => {
    const { default: metrics } = await import('fastify-metrics');
    await app.register(metrics.default, { endpoint: '/metrics' });
  },
};

/** A Fastify application with one small answer, listening. */
export async function listen(contender: string): Promise<Server> {
  const app = Fastify();
  await INSTALL[contender]!(app);
  app.get('/devices/:id', async (request) => ({ ...DEVICE, id: (request.params as { id: string }).id }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app.server;
}

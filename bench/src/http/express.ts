import { once } from 'node:events';
import type { Server } from 'node:http';
import express, { type Express } from 'express';
import { DEVICE } from './device.ts';

const INSTALL: Readonly<Record<string, (app: Express) => Promise<void>>> = {
  'without metrics': async () => {},
  promenade: async (app) => {
    const { promenade } = await import('promenade/express');
    app.use(promenade({ enabled: true }));
  },
  'express-prom-bundle': async (app) => {
    const { default: bundle } = await import('express-prom-bundle');
    app.use(bundle({ includeMethod: true, includePath: true, promClient: { collectDefaultMetrics: {} } }));
  },
};

/** An Express application with one small answer, listening. */
export async function listen(contender: string): Promise<Server> {
  const app = express();
  await INSTALL[contender]!(app);
  app.get('/devices/:id', (request, response) => {
    response.json({ ...DEVICE, id: request.params.id });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

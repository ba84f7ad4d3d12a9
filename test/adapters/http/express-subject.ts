import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { promenade } from '../../../src/adapters/http/express/express.ts';
import type { Subject, SubjectOptions } from '../../contracts/http-server.contract.ts';
import { entries } from '../../contracts/http-server.responses.ts';

type Handler = (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void) => unknown;

export interface ExpressRequest extends IncomingMessage {
  readonly params: Record<string, string>;
  readonly res: ServerResponse;
}

export interface ExpressResponse extends ServerResponse {
  json(value: unknown): void;
  send(value: unknown): void;
  type(type: string): this;
  redirect(url: string): void;
  render(view: string, options: object): void;
}

export interface ExpressRouter {
  get(path: string | string[] | RegExp, ...handlers: Handler[]): this;
  post(path: string, ...handlers: Handler[]): this;
  all(path: string, ...handlers: Handler[]): this;
  param(
    name: string,
    handler: (
      request: ExpressRequest,
      response: ExpressResponse,
      next: (error?: unknown) => void,
      value: string,
    ) => void,
  ): this;
  use(path: string | string[] | RegExp, ...handlers: object[]): this;
  use(...handlers: object[]): this;
}

export interface ExpressApplication extends ExpressRouter {
  readonly request: object;
  engine(extension: string, engine: unknown): void;
  set(name: string, value: unknown): this;
  listen(port: number, host: string): Server;
}

/** The part of all versions of Express that is tested. */
export interface Express {
  (): ExpressApplication;
  Router(options?: object): ExpressRouter;
}

/** The contract's application on a version of Express. */
export function expressSubject(express: Express): (options: SubjectOptions) => Promise<Subject> {
  return async (options) => {
    const app = express();
    app.set('env', 'test');
    app.use(function outer(_request: ExpressRequest, _response: ExpressResponse, next: () => void) {
      setTimeout(next, 20);
    });
    app.get('/hello', (_request, response) => response.type('text/plain').send('hello'));
    const metrics = promenade(options);
    app.use(metrics);
    app.use(function inner(request: ExpressRequest, response: ExpressResponse, next: () => void) {
      if (request.url === '/away') response.redirect('/hello');
      else next();
    });
    for (const [method, path, respond] of entries) app[method](path, respond);
    app.use('/api/:tenant', items(express));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      server,
      close: async () => {
        await metrics.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

function items(express: Express): ExpressRouter {
  const router = express.Router({ mergeParams: true });
  router.get(
    '/items/:id',
    (_request, _response, next) => next(),
    (request, response) => response.json({ id: request.params['id'] }),
  );
  router.get('/boom', () => {
    throw new TypeError('boom');
  });
  router.get('/gone', (_request, _response, next) => next(Object.assign(new Error('gone'), { status: 404 })));
  return router;
}

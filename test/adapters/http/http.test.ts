import { createServer, type Server, type ServerResponse } from 'node:http';
import { promenade, setRoute } from '../../../src/adapters/http/http.ts';
import { httpServerContract, type Subject, type SubjectOptions } from '../../contracts/http-server.contract.ts';
import { responses } from '../../contracts/http-server.responses.ts';

const ITEM = /^\/api\/[^/]+\/items\/([^/?]+)/;

async function start(options: SubjectOptions): Promise<Subject> {
  const metrics = promenade(options);
  const server = createServer((request, response) => {
    if (metrics.serve(request, response)) return;
    const { method, url = '' } = request;
    const respond = responses[`${method} ${url}`];
    if (respond !== undefined) {
      setRoute(request, url);
      respond(request, response);
    } else if (url === '/hello') {
      setRoute(request, '/hello');
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end('hello');
    } else {
      answer(method, url, response, (route) => setRoute(request, route));
    }
  });
  await listening(server);
  return {
    server,
    close: async () => {
      await metrics.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(
  method: string | undefined,
  url: string,
  response: ServerResponse,
  route: (pattern: string) => void,
): void {
  const item = ITEM.exec(url);
  if (method === 'DELETE') {
    response.writeHead(404).end('not found');
  } else if (url === '/away') {
    response.writeHead(302, { Location: '/hello' }).end();
  } else if (url.includes('%zz')) {
    response.writeHead(400).end('bad');
  } else if (item !== null) {
    route('/api/:tenant/items/:id');
    response.writeHead(200, ['Content-Type', 'application/json']).end(JSON.stringify({ id: item[1] }));
  } else {
    response.writeHead(404).end('not found');
  }
}

async function listening(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

httpServerContract('node:http', start, {
  options: { status: '200', route: '/hello' },
  wrongMethod: { status: '404', route: '<unmatched>' },
  exceptions: false,
  handlers: false,
  badPath: { status: '400' },
});

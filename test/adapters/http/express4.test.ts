import { createRequire } from 'node:module';
import { describe } from 'vitest';
import { httpServerContract } from '../../contracts/http-server.contract.ts';
import { type Express, expressSubject } from './express-subject.ts';
import { expressAnswers } from './express-answers.ts';
import { expressRoutes } from './express-routes.ts';

const require = createRequire(import.meta.url);

describe.each([
  ['Express 4', require('express4') as Express],
  ['Express 4.18', require('express-4-18') as Express],
])('%s', (name, express) => {
  httpServerContract(name, expressSubject(express), {
    options: { status: '200', route: '/hello' },
    middlewares: { outer: 'outer', inner: 'inner' },
    wrongMethod: { status: '404', route: '/api/:tenant/items/:id' },
    exceptions: true,
    handlers: true,
    badPath: { status: '400' },
  });
  expressRoutes(express);
  expressAnswers(express, { everything: '/api/*', optional: '/shop/:lang?/cart' });
});

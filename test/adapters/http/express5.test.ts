import { createRequire } from 'node:module';
import { describe } from 'vitest';
import { httpServerContract, type Traits } from '../../contracts/http-server.contract.ts';
import { type Express, expressSubject } from './express-subject.ts';
import { expressAnswers } from './express-answers.ts';
import { expressRoutes } from './express-routes.ts';

const require = createRequire(import.meta.url);

const traits: Traits = {
  options: { status: '200', route: '/hello' },
  middlewares: { outer: 'outer', inner: 'inner' },
  wrongMethod: { status: '404', route: '/api/:tenant/items/:id' },
  exceptions: true,
  handlers: true,
  badPath: { status: '400' },
};

describe.each([
  ['Express 5, which publishes on a channel', require('express') as Express],
  ['Express 5.0 with router 2.2, which does not', require('express-5-0') as Express],
])('%s', (name, express) => {
  httpServerContract(name, expressSubject(express), traits);
  expressRoutes(express);
  expressAnswers(express, { everything: '/api/*rest', optional: '/shop{/:lang}/cart' });
});

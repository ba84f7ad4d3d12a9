import type { IncomingMessage } from 'node:http';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/**
 * What makes a handler of exceptions for each route and middleware, in Nest 11 and 12. Nest exports
 * neither.
 */
interface ExceptionFilters {
  create?: unknown;
}

type Create = (this: unknown, ...args: never[]) => object;
type HandleNext = (this: unknown, exception: unknown, host: ArgumentsHost, ...rest: never[]) => unknown;

interface ArgumentsHost {
  getArgByIndex(index: number): unknown;
}

/**
 * Sees what guards, pipes, interceptors, handlers and middlewares throw: Nest's filters answer it,
 * so that neither Express nor Fastify ever does. An interceptor would not see what a guard throws,
 * and a filter would stand in the way of the application's own.
 *
 * @returns what undoes it; does nothing where Nest has been built another way
 */
export function observeExceptions(app: object): () => void {
  const { routesResolver } = app as { routesResolver?: { routerExceptionsFilter?: ExceptionFilters } };
  const filters = routesResolver?.routerExceptionsFilter;
  if (filters === undefined) return () => {};
  const undo: (() => void)[] = [];
  let found = false;
  const find = (handler: object): void => {
    if (found) return;
    found = true;
    undo.push(wrapMethod(Object.getPrototypeOf(handler) as { next?: unknown }, 'next', observeNext));
  };
  undo.push(
    // Routes and middlewares have one each of the same class.
    wrapMethod(
      Object.getPrototypeOf(filters) as ExceptionFilters,
      'create',
      (create: Create): Create =>
        function (this, ...args) {
          const handler = create.apply(this, args);
          try {
            find(handler);
          } catch (error) {
            hookFailed(error);
          }
          return handler;
        },
    ),
  );
  return () => {
    for (const each of undo.splice(0).toReversed()) each();
  };
}

function observeNext(next: HandleNext): HandleNext {
  return function (this, exception, host, ...rest) {
    note(exception, host);
    return next.call(this, exception, host, ...rest);
  };
}

const note = guarded((exception: unknown, host: ArgumentsHost): void => {
  const request = host.getArgByIndex(0) as (IncomingMessage & { readonly raw?: IncomingMessage }) | undefined;
  if (request !== undefined) exchangeOf(request.raw ?? request)?.threwOnce(exception);
});

import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { nameMiddleware } from '../express/places.ts';
import { useAs } from '../fastify/connect.ts';

/** The part of Nest's module for middlewares that is used, in Nest 11 and 12. */
interface MiddlewareModule {
  bindHandler?: unknown;
}

/** Nest's wrapper around a middleware: an instance of its class, or of one made for a function. */
interface MiddlewareWrapper {
  readonly name?: unknown;
  readonly instance?: object | undefined;
}

type BindHandler = (this: unknown, wrapper: MiddlewareWrapper, ...rest: never[]) => Promise<unknown>;
type CreateFactory = (this: unknown, ...args: never[]) => unknown;
type Route = (path: string, handler: object) => unknown;

/**
 * Gives middlewares of `consumer.apply(...)` the names of their classes: Nest hands functions of
 * its own to Express and Fastify, all of one name. Those that are functions themselves say where
 * they are applied.
 *
 * @returns What undoes it; does nothing where Nest has been built another way.
 */
export function nameMiddlewares(app: object, adapter: object): () => void {
  const { middlewareModule } = app as { middlewareModule?: MiddlewareModule };
  if (middlewareModule === undefined) return () => {};
  let binding: MiddlewareWrapper | undefined;
  const undo = [
    // Nest binds one after the other.
    wrapMethod(middlewareModule, 'bindHandler', (bind: BindHandler): BindHandler => {
      return async function (this, wrapper, ...rest) {
        binding = wrapper;
        try {
          return await bind.call(this, wrapper, ...rest);
        } finally {
          binding = undefined;
        }
      };
    }),
    wrapMethod(
      adapter as { createMiddlewareFactory?: unknown },
      'createMiddlewareFactory',
      (create: CreateFactory): CreateFactory => {
        return function (this, ...args) {
          const wrapper = binding;
          const made = create.apply(this, args);
          if (wrapper === undefined) return made;
          return made instanceof Promise ? made.then((route) => naming(route, wrapper)) : naming(made, wrapper);
        };
      },
    ),
  ];
  return () => {
    for (const each of undo) each();
  };
}

function naming(route: unknown, wrapper: MiddlewareWrapper): unknown {
  if (typeof route !== 'function') return route;
  const named: Route = (path, handler) => {
    const name = nameOf(wrapper, path);
    nameMiddleware(handler, name);
    return useAs(name, () => (route as Route)(path, handler));
  };
  return named;
}

/** Nest makes a class for a function, with a name by chance, and `use` in each instance. */
function nameOf({ name, instance }: MiddlewareWrapper, path: string): string {
  const isClass = instance !== undefined && !Object.hasOwn(instance, 'use');
  return isClass && typeof name === 'string' ? name : `<anonymous> at ${path}`;
}

import type { IncomingMessage } from 'node:http';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import type { ExpressApplicationLike } from './types.ts';

type Render = (this: unknown, ...args: never[]) => unknown;

/** The methods that count, so that an application mounted in another is not counted twice. */
const counting: WeakSet<object> = new WeakSet();

/**
 * Counts the templates that an application's responses render, and those of the applications
 * mounted in it, which inherit from it.
 *
 * @returns What undoes it.
 */
export function countViews(app: ExpressApplicationLike): () => void {
  const response = app.response as { render?: unknown };
  if (counting.has(response.render as object)) return () => {};
  const undo = wrapMethod(response, 'render', (render: Render): Render => {
    return function (...args) {
      const view: unknown = args[0];
      if (typeof view === 'string') exchangeOf((this as { readonly req: IncomingMessage }).req)?.rendered(view);
      return Reflect.apply(render, this, args);
    };
  });
  counting.add(response.render as object);
  return undo;
}

import type { IncomingMessage } from 'node:http';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import type { ExpressApplicationLike } from './types.ts';

type Render = (this: { readonly req: IncomingMessage }, view: unknown, ...rest: unknown[]) => unknown;

/**
 * Counts the templates that an application's responses render, and those of the applications
 * mounted in it, which inherit from it.
 *
 * @returns what undoes it.
 */
export function countViews(app: ExpressApplicationLike): () => void {
  const response = app.response as { render: Render };
  const own = Object.hasOwn(response, 'render');
  const { render } = response;
  const countedRender: Render = function (view, ...rest) {
    if (typeof view === 'string') exchangeOf(this.req)?.rendered(view);
    return Reflect.apply(render, this, [view, ...rest]);
  };
  response.render = countedRender;
  return () => {
    if (response.render !== countedRender) return;
    if (own) response.render = render;
    else delete (response as Partial<typeof response>).render;
  };
}

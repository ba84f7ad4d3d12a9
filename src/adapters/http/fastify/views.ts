import { exchangeOf } from '../../../instrument/http/exchange.ts';
import type { FastifyReplyLike } from './types.ts';

type Render = (this: FastifyReplyLike, template: unknown, ...rest: unknown[]) => unknown;

/** What `@fastify/view` decorates replies with, unless it is told another name. */
const RENDERERS = ['view', 'viewAsync'] as const;

type Rendering = Partial<Record<(typeof RENDERERS)[number], Render>>;

const counted: WeakSet<object> = new WeakSet();

/**
 * Counts the templates that replies of this kind render: wraps the decorator once, where it was
 * put.
 */
export function countViews(reply: FastifyReplyLike & Rendering): void {
  if (reply.view === undefined) return;
  for (const name of RENDERERS) {
    const render = reply[name];
    if (typeof render !== 'function' || counted.has(render)) continue;
    const holder = holderOf(reply, name);
    const countedRender: Render = function (template, ...rest) {
      if (typeof template === 'string') exchangeOf(this.raw)?.rendered(template);
      return Reflect.apply(render, this, [template, ...rest]);
    };
    counted.add(countedRender);
    holder[name] = countedRender;
  }
}

/** The object along the reply's prototypes that has the decorator. */
function holderOf(reply: object, name: string): Rendering {
  let holder = reply;
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder);
  return holder;
}

import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { observeRouterChannel } from './channel.ts';
import { observeLayers, observeLayersOf } from './layers.ts';
import { type ExpressApplicationLike, isExpress4, type RouterLike, routerOf } from './types.ts';
import { countViews } from './views.ts';

/**
 * Observes Express applications: the routes and middlewares of their requests, and the templates of
 * their responses. It serves no page and changes no setting.
 */
export class ExpressObserver {
  readonly #undo: (() => void)[] = [observeRouterChannel(), observeLayers()];
  readonly #apps: WeakSet<ExpressApplicationLike> = new WeakSet();
  #latest: ExpressApplicationLike | undefined = undefined;

  /** Observes an application, whatever it has by now. A second call does nothing, and costs nothing. */
  observe(app: ExpressApplicationLike | undefined): void {
    if (app === undefined || app === this.#latest) return;
    this.#latest = app;
    if (this.#apps.has(app)) return;
    this.#apps.add(app);
    try {
      this.#undo.push(countViews(app), whenRouted(app, observeLayersOf));
    } catch (error) {
      hookFailed(error);
    }
  }

  /** Takes off what was put on. Idempotent. */
  close(): void {
    this.#latest = undefined;
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/**
 * Waits for an application's router and its first layers. To ask for the router would make it, and
 * freeze the settings that it is made with.
 *
 * @param look Told of the router when it is used, until it returns true.
 * @returns What ends it.
 */
function whenRouted(app: ExpressApplicationLike, look: (router: RouterLike) => boolean): () => void {
  if (isExpress4(app)) {
    const router = routerOf(app);
    if (router !== undefined && look(router)) return () => {};
    return wrapMethod(app as { lazyrouter?: unknown }, 'lazyrouter', (make: (this: unknown) => void) => {
      return function (this: unknown): void {
        make.call(this);
        const made = routerOf(app);
        if (made !== undefined) look(made);
      };
    });
  }
  const before = Object.getOwnPropertyDescriptor(app, 'router');
  const get = before?.get;
  if (before === undefined || get === undefined || before.configurable !== true) return () => {};
  const restore = (): void => {
    if (Object.getOwnPropertyDescriptor(app, 'router')?.get === observed) Object.defineProperty(app, 'router', before);
  };
  const observed = function (this: unknown): unknown {
    const router = Reflect.apply(get, this, []) as RouterLike;
    try {
      if (look(router)) restore();
    } catch (error) {
      hookFailed(error);
    }
    return router;
  };
  Object.defineProperty(app, 'router', { ...before, get: observed });
  return restore;
}

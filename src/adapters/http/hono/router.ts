import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { HonoTrace, isCatchAll, stepsOf } from './trace.ts';
import type {
  HonoApplicationLike,
  HonoContextLike,
  HonoEntry,
  HonoHandler,
  HonoMatch,
  HonoRoute,
  HonoRouterLike,
} from './types.ts';

/** The methods under which a path is looked up that has no route for the one that was asked for. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

const OBSERVER: HonoRoute = { path: '/*', method: 'ALL' };

/**
 * A router that hands on to the application's own, and observes what it finds: puts a handler
 * before all others, whenever they were added, and runs the others under watch. The application's
 * own handlers stay what they are.
 */
export class ObservingRouter implements HonoRouterLike {
  readonly router: HonoRouterLike;
  observes: boolean = true;
  readonly #app: HonoApplicationLike;
  /**
   * By the list that a router has found. Hono's usual router has one for each combination; others
   * make it anew each time.
   */
  readonly #observed: WeakMap<object, readonly HonoEntry[]> = new WeakMap();

  constructor(app: HonoApplicationLike) {
    this.#app = app;
    this.router = app.router;
  }

  get name(): string {
    return this.router.name;
  }

  add(method: string, path: string, handler: unknown): void {
    this.router.add(method, path, handler);
  }

  match(method: string, path: string): HonoMatch {
    const match = this.router.match(method, path) as HonoMatch;
    if (!this.observes) return match;
    const [entries, ...rest] = match;
    try {
      let observed = this.#observed.get(entries);
      if (observed === undefined) this.#observed.set(entries, (observed = this.#observe(entries)));
      return [observed, ...rest];
    } catch (error) {
      hookFailed(error);
      return match;
    }
  }

  #observe(entries: readonly HonoEntry[]): readonly HonoEntry[] {
    const steps = stepsOf(entries, (route) => `<anonymous ${this.#app.routes.indexOf(route as HonoRoute) + 1}>`);
    const observer: HonoHandler = (context: HonoContextLike, next) => {
      HonoTrace.begin(context, steps, () => this.#routeOf(context.req.path));
      return next();
    };
    const running = entries.map(([[handler, route], parameters], i): HonoEntry => {
      const run: HonoHandler = (context: never, next) => {
        const trace = HonoTrace.of(context);
        if (trace === undefined) return handler(context, next);
        return trace.run(i, next, (on) => handler(context, on as typeof next));
      };
      return [[run, route], parameters];
    });
    return [[[observer, OBSERVER], {}], ...running];
  }

  /** A known path keeps its route where only the method is wrong. */
  #routeOf(path: string): string | undefined {
    for (const method of METHODS) {
      const [entries] = this.router.match(method, path) as HonoMatch;
      const step = stepsOf(entries, () => '').find((each) => each.isRoute && !isCatchAll(each.path));
      if (step !== undefined) return step.path;
    }
    return undefined;
  }
}

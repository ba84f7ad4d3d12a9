import { joinPatterns, mountPatternOf, toPattern } from './paths.ts';
import { isRouter, type Layer, type RouterLike, type RouterPath } from './types.ts';

/**
 * What router 2.3 answers when it is asked for a match; older ones answer true, and note the path
 * in the layer.
 */
interface Match {
  readonly path: string;
  readonly pattern: RouterPath;
}

/** Handlers that a framework above Express has registered for what none of its routes takes. */
const fallbacks: WeakSet<object> = new WeakSet();

/** Says that whatever route a handler is registered for is none. */
export function addFallback(handler: object): void {
  fallbacks.add(handler);
}

/** Whether it was said so. */
export function isFallback(handler: object): boolean {
  return fallbacks.has(handler);
}

/**
 * The route that a path leads to, whatever its methods: for a request that no route has answered,
 * since they are all for other methods (404 and the automatic answer to OPTIONS). Costs as much as
 * routing does. Applications mounted below are not looked into.
 */
export function routeOfPath(router: RouterLike, path: string, base: string = ''): string | undefined {
  for (const layer of router.stack) {
    const { route, handle } = layer;
    if (route === undefined && !isRouter(handle)) continue;
    const match = matchOf(layer, path);
    if (match === undefined) continue;
    if (route !== undefined) {
      if (route.stack.every((each) => isFallback(each.handle))) continue;
      return joinPatterns(base, toPattern(route.path)) || '/';
    }
    const rest = path.slice(match.path.length);
    if (rest !== '' && !rest.startsWith('/')) continue;
    const found = routeOfPath(
      handle as unknown as RouterLike,
      rest || '/',
      joinPatterns(base, toPattern(match.pattern)),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function matchOf(layer: Layer, path: string): Match | undefined {
  try {
    const match = layer.match(path);
    if (match === true)
      return { path: layer.path ?? '', pattern: layer.route === undefined ? mountPatternOf(layer) : '' };
    return match === false ? undefined : match;
  } catch {
    // A parameter that can't be decoded.
    return undefined;
  }
}

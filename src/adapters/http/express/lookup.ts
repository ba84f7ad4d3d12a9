import { mountOf } from './mounts.ts';
import { joinPatterns, toBase, toPattern } from './paths.ts';
import { isFallback, noteLayers, type Place, placeOf } from './places.ts';
import { isRouter, type Layer, type RouteLike, type RouterLike, type RouterPath, routerOf } from './types.ts';

/** What is looked for, beside a path. */
export interface Lookup {
  readonly method: string;
  /**
   * How far the request has come in each router. Layers behind it that are mounted at a path count
   * as routes; those before it have handed on.
   * @default They don't count.
   */
  readonly after?: ReadonlyMap<RouterLike, number> | undefined;
  /** Only routes behind it that take the method count. @default false */
  readonly aheadOnly?: boolean;
}

/** A pattern that a path leads to. */
interface Candidate {
  readonly pattern: string;
  /** The lower, the better. */
  readonly rank: number;
}

/** It takes the method, and each part of its pattern but parameters is written out. */
const EXACT = 0;
/** It takes the method, and all paths below: mostly a middleware that was registered as a route. */
const WILDCARD = 1;
/** The lowest rank of a mount, of the longest pattern. */
const MOUNT = 1e6;
const LONGEST_MOUNT = 1e6;
/** It takes other methods. */
const OTHER_METHOD = MOUNT + LONGEST_MOUNT + 1;

/**
 * Returns the route that a path leads to, for a request that no route has answered: a middleware
 * has, or all of its routes are for other methods. It costs as much as routing does. Mounted
 * applications are looked into once a request has been there.
 */
export function routeOfPath(router: RouterLike, path: string, lookup: Lookup): string | undefined {
  let best: Candidate | undefined;
  const passed = lookup.after === undefined ? Infinity : (lookup.after.get(router) ?? -1);
  for (const candidate of candidates(router, path, '', passed, lookup)) {
    if (lookup.aheadOnly === true && candidate.rank >= MOUNT) continue;
    if (best === undefined || candidate.rank < best.rank) best = candidate;
    if (best.rank === EXACT) break;
  }
  return best?.pattern;
}

/** @param passed The index of the layer that the request has come to in this router. */
function* candidates(
  router: RouterLike,
  path: string,
  base: string,
  passed: number,
  lookup: Lookup,
): Generator<Candidate> {
  noteLayers(router);
  for (const [index, layer] of router.stack.entries()) {
    const covered = coveredBy(layer, path);
    const isPassed = index <= passed;
    if (covered === undefined || (isPassed && lookup.aheadOnly === true && layer.route !== undefined)) continue;
    if (layer.route !== undefined) {
      if (layer.route.stack.every(({ handle }) => isFallback(handle))) continue;
      yield ofRoute(layer.route, base, lookup.method);
      continue;
    }
    const place = placeOf(layer)!;
    const rest = path.slice(covered.length);
    if (place.kind === 'own' || layer.handle.length === 4 || (rest !== '' && !/^[/.]/.test(rest))) continue;
    const mount = place.mount ?? mountOf(layer, covered);
    const inner = routerIn(layer, place);
    if (inner !== undefined) {
      const passedInside = lookup.after?.get(inner) ?? (isPassed ? Infinity : -1);
      yield* candidates(inner, rest || '/', toBase(base, mount), passedInside, lookup);
    }
    if (!isPassed && covered !== '' && isHandler(inner)) yield ofMount(mount, base);
  }
}

/** True for a function, and for a router of functions alone, which is a handler like any other. */
function isHandler(router: RouterLike | undefined): boolean {
  if (router === undefined) return true;
  const { stack } = router;
  return (
    stack.some(({ handle }) => handle.length < 4) &&
    stack.every(({ route, handle }) => route === undefined && !isRouter(handle))
  );
}

function ofRoute({ path, methods }: RouteLike, base: string, method: string): Candidate {
  const pattern = joinPatterns(base, toPattern(path)) || '/';
  const name = method.toLowerCase();
  const takes = methods['_all'] === true || methods[name] === true || (name === 'head' && methods['get'] === true);
  if (!takes) return { pattern, rank: OTHER_METHOD };
  return { pattern, rank: pattern.includes('*') ? WILDCARD : EXACT };
}

function ofMount(mount: RouterPath, base: string): Candidate {
  const pattern = joinPatterns(base, toPattern(mount)) || '/';
  return { pattern, rank: MOUNT + LONGEST_MOUNT - pattern.length };
}

/** Returns the router that a layer leads to. */
function routerIn({ handle }: Layer, { application }: Place): RouterLike | undefined {
  if (isRouter(handle)) return handle;
  return application === undefined ? undefined : routerOf(application);
}

/** Returns the part of a path that a layer matches, whatever its methods. */
function coveredBy(layer: Layer, path: string): string | undefined {
  try {
    const match = layer.match(path);
    return match === true ? (layer.path ?? '') : match === false ? undefined : match.path;
  } catch {
    // A parameter that can't be decoded.
    return undefined;
  }
}

import { patternOfExpression } from './expression.ts';
import { patternBehind } from './probe.ts';
import { toPattern } from './paths.ts';
import type { Layer, RouterPath } from './types.ts';

/**
 * The paths of layers as the program wrote them, in routers that forget them: Express 4 keeps an
 * expression, routers before 2.3 only functions. Noted where `use` is called, see layers.ts.
 */
const written: WeakMap<Layer, RouterPath> = new WeakMap();

/** The patterns that were found behind a layer, by the shape of what it matched. */
const shapes: WeakMap<Layer, Map<string, string>> = new WeakMap();

/** The pattern of a mount that can't be told. */
const UNKNOWN = '/*';

/** More shapes than this are no pattern's, which has one for each part that may be missing. */
const SHAPE_LIMIT = 32;

/** Notes the path that a layer was given. */
export function noteMount(layer: Layer, path: RouterPath): void {
  written.set(layer, path);
}

/**
 * Returns the path of a layer that is no route, as written, where every match has the same. Express
 * 4 makes one expression of all paths that a layer is given.
 */
export function fixedMountOf(layer: Layer): RouterPath | undefined {
  const path = layer.rawPath ?? written.get(layer);
  if (typeof path === 'string' || path instanceof RegExp) return path;
  if (layer.regexp === undefined) return undefined;
  return path === undefined ? patternOfExpression(layer.regexp, layer.keys ?? []) : toPattern(path);
}

/**
 * Returns the path of a layer that was given several, or that was added to a router before 2.3 when
 * nobody observed. Costs a match, and many for the first one of its shape.
 *
 * @param covered The part of the request's path that the layer matched.
 */
export function mountOf(layer: Layer, covered: string): RouterPath {
  const paths = layer.rawPath ?? written.get(layer);
  return shapeOf(layer, covered, paths as readonly RouterPath[] | undefined);
}

function shapeOf(layer: Layer, covered: string, paths: readonly RouterPath[] | undefined): RouterPath {
  if (covered === '') return '/';
  for (const [i, matcher] of (layer.matchers ?? []).entries()) {
    const match = attempt(() => matcher(covered));
    if (match === undefined || match === false) continue;
    // Of nested lists nobody knows which matcher is whose.
    if (paths?.length === layer.matchers!.length) return paths[i]!;
    const known = shapes.get(layer) ?? new Map<string, string>();
    shapes.set(layer, known);
    const shape = `${i} ${Object.keys(match.params).join()} ${covered.split('/').length}`;
    let pattern = known.get(shape);
    if (pattern === undefined) {
      if (known.size >= SHAPE_LIMIT) return UNKNOWN;
      known.set(shape, (pattern = patternBehind(matcher, covered) ?? UNKNOWN));
    }
    return pattern;
  }
  return paths === undefined ? UNKNOWN : toPattern(paths);
}

function attempt<R>(call: () => R): R | undefined {
  try {
    return call();
  } catch {
    // A parameter that can't be decoded.
    return undefined;
  }
}

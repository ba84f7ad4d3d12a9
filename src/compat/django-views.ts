import { whenActive } from '../core/activation.ts';
import { defaultRegistry } from '../core/default-registry.ts';
import { Gauge } from '../core/gauge.ts';
import type { Registry } from '../core/registry.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';

const NAME = 'http_server_route_info';

const byRegistry: WeakMap<Registry, RouteNames> = new WeakMap();

/** The names of a registry's routes: a gauge beside the numbers. */
export class RouteNames {
  readonly #info: Gauge<'route' | 'view'>;
  /** What this process has said. */
  readonly #said: Map<string, string> = new Map();

  static of(registry: Registry, namespace: string): RouteNames {
    let names = byRegistry.get(registry);
    if (names === undefined) byRegistry.set(registry, (names = new RouteNames(registry, namespace)));
    return names;
  }

  private constructor(registry: Registry, namespace: string) {
    this.#info = new Gauge({
      name: namespace === '' ? NAME : `${namespace}_${NAME}`,
      help: "The route's name, the label view of Django's families.",
      labelNames: ['route', 'view'],
      aggregation: 'mostRecent',
      liveOnly: false,
      maxSeries: 10_000,
      registry,
    });
  }

  name(route: string, view: string): void {
    this.#said.set(route, view);
    this.#info.labels({ route, view }).set(1);
  }

  /**
   * The same, unless the route has a name: what the application says goes before what its framework
   * knows.
   */
  suggest(route: string, view: string): void {
    if (!this.#said.has(route)) this.name(route, view);
  }
}

/**
 * Gives routes the names that they have as Django's views, for the label `view` under
 * METRICS_COMPAT=django; without it nothing happens. A route without a name shows as its pattern.
 * Names lie beside the numbers, so that any process that is scraped knows them.
 *
 * @param names from the pattern, as the label `route` has it, to the name.
 * @param options.registry whose page it is.
 * @default the default registry
 *
 * @example
 * nameViews({ '/dcim/devices': 'dcim:device_list', '/dcim/devices/:id': 'dcim:device' });
 */
export function nameViews(
  names: Readonly<Record<string, string>>,
  options: { readonly registry?: Registry | undefined } = {},
): void {
  const { registry = defaultRegistry } = options;
  whenActive(registry, ({ compat, namespace }) => {
    if (compat !== 'django') return;
    const known = RouteNames.of(registry, namespace);
    for (const [route, view] of Object.entries(names)) known.name(route, view);
  });
}

/**
 * The names that processes have given, of two for one route the latest. `before` where they are the
 * same.
 */
export function viewsOn(
  page: ReadonlyMap<string, FamilySnapshot>,
  prefix: string,
  before: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const { series, values } = page.get(prefix + NAME) ?? { series: [], values: [] };
  const views = new Map<string, string>();
  const moments = new Map<string, number>();
  for (const [i, [route = '', view = '']] of series.entries()) {
    const setAt = values[i * 2 + 1]!;
    if (setAt < (moments.get(route) ?? -Infinity)) continue;
    views.set(route, view);
    moments.set(route, setAt);
  }
  const same = views.size === before.size && [...views].every(([route, view]) => before.get(route) === view);
  return same ? before : views;
}

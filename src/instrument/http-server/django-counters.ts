import { RouteNames } from '../../compat/django-views.ts';
import type { BoundCounter } from '../../core/counter.ts';
import { Counter } from '../../core/counter.ts';
import type { Exchange } from '../http/exchange.ts';
import type { HttpFamilyOptions } from './families.ts';

/** What Django's families have, ours have not, and METRICS_COMPAT=django counts therefore. */
export class HttpDjangoCounters {
  readonly #ajax: Counter;
  readonly #thrown: Counter<'route' | 'type'>;
  readonly #names: RouteNames;
  readonly #bound: Map<string, Map<string, BoundCounter>> = new Map();

  constructor({ registry, namespace = '', maxSeries = 10_000 }: HttpFamilyOptions) {
    this.#names = RouteNames.of(registry, namespace);
    // It is Django's alone, so that no namespace comes before it.
    this.#ajax = new Counter({ name: 'django_http_ajax_requests_total', help: 'Count of AJAX requests.', registry });
    this.#thrown = new Counter({
      name: `${namespace === '' ? '' : `${namespace}_`}http_server_thrown_total`,
      help: 'What handlers threw, also where it was meant as an answer.',
      labelNames: ['route', 'type'],
      maxSeries,
      registry,
    });
  }

  /** @param route as the families have it */
  count({ request, thrown, routeName }: Exchange, route: string): void {
    if (request.headers['x-requested-with'] === 'XMLHttpRequest') this.#ajax.inc();
    for (const type of thrown) this.#counterOf(route, type).inc();
    if (routeName !== undefined) this.#names.suggest(route, routeName);
  }

  #counterOf(route: string, type: string): BoundCounter {
    let types = this.#bound.get(route);
    if (types === undefined) this.#bound.set(route, (types = new Map()));
    let counter = types.get(type);
    if (counter === undefined) types.set(type, (counter = this.#thrown.labels({ route, type })));
    return counter;
  }
}

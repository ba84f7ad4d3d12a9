import type { Gauge } from '../core/gauge.ts';
import type { RuntimeFamilies } from './runtime-families.ts';

/** The resources that are requests: operations under way, by the names that Node gives them. */
const REQUESTS: ReadonlySet<string> = new Set([
  'CloseReq',
  'ConnectWrap',
  'FSReqCallback',
  'FSReqPromise',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
  'SendWrap',
  'SimpleShutdownWrap',
  'SimpleWriteWrap',
]);

/** The resources that are neither requests nor handles. */
const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate']);

/**
 * What keeps the event loop alive. Node lists handles (sockets, servers, pipes), requests (files
 * being read, names being resolved) and timers together and tells their types; prom-client asks for
 * the objects themselves, through functions that Node calls private.
 */
export function collectActiveResources(families: RuntimeFamilies): void {
  const kinds = [
    new Kind(families, 'resources', 'Resources that keep the event loop alive', () => true, look),
    new Kind(families, 'handles', 'Handles (sockets, servers, pipes) that keep the event loop alive', isHandle),
    new Kind(families, 'requests', 'Requests (operations under way) that keep the event loop alive', isRequest),
  ];

  function look(): void {
    const types = process.getActiveResourcesInfo();
    for (const kind of kinds) kind.show(types);
  }
}

function isRequest(type: string): boolean {
  return REQUESTS.has(type);
}

function isHandle(type: string): boolean {
  return !REQUESTS.has(type) && !TIMERS.has(type);
}

/** Two families: the number by type, and of all types. */
class Kind {
  readonly #families: RuntimeFamilies;
  readonly #includes: (type: string) => boolean;
  readonly #byType: Gauge<string>;
  readonly #total: Gauge<string>;
  /**
   * Every type that was ever seen: one that is gone shows as 0, as a series that comes and goes
   * costs more than one that stays.
   */
  readonly #counts: Map<string, number> = new Map();

  constructor(
    families: RuntimeFamilies,
    name: string,
    help: string,
    includes: (type: string) => boolean,
    collect?: () => void,
  ) {
    this.#families = families;
    this.#includes = includes;
    this.#byType = families.gauge({
      name: `nodejs_active_${name}`,
      help: `${help}, by type.`,
      labelNames: ['type'],
      ...(collect && { collect }),
    });
    this.#total = families.gauge({ name: `nodejs_active_${name}_total`, help: `${help}.` });
  }

  show(types: readonly string[]): void {
    for (const type of this.#counts.keys()) this.#counts.set(type, 0);
    let total = 0;
    for (const type of types) {
      if (!this.#includes(type)) continue;
      this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
      total++;
    }
    for (const [type, count] of this.#counts) this.#byType.labels(this.#families.labels({ type })).set(count);
    this.#total.labels(this.#families.labels()).set(total);
  }
}

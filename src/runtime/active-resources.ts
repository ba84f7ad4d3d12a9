import type { Gauge } from '../core/gauge.ts';
import type { RuntimeFamilies } from './runtime-families.ts';

/** Resources that are requests (operations in progress), by Node's names. */
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

/** Resources that are neither requests nor handles. */
const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate']);

/**
 * The classes of Node's handles, as prom-client shows them, by the names of their resources.
 * Terminal input and output have the same resource name.
 */
const HANDLE_CLASSES: Readonly<Record<string, string>> = {
  FSEventWrap: 'FSWatcher',
  PipeServerWrap: 'Server',
  PipeWrap: 'Socket',
  ProcessWrap: 'ChildProcess',
  SignalWrap: 'Signal',
  StatWatcher: 'StatWatcher',
  TCPServerWrap: 'Server',
  TCPSocketWrap: 'Socket',
  TLSWrap: 'TLSSocket',
  TTYWrap: 'WriteStream',
  UDPWrap: 'Socket',
};

/** Names of the gauges over all types: ours, or prom-client's, which lint tools refuse. */
export type TotalNames = 'nodejs_active_x_all_types' | 'nodejs_active_x_total';

const looks: WeakMap<RuntimeFamilies, ActiveResources> = new WeakMap();

/**
 * Measures the resources that keep the event loop alive. Node lists the types of handles (sockets,
 * servers, pipes), requests (file reads, DNS lookups) and timers together. prom-client gets the
 * objects themselves, through private functions of Node.
 */
export function collectActiveResources(families: RuntimeFamilies): void {
  looks.set(families, new ActiveResources(families));
}

/** Defines the gauges over all types under these names. Idempotent. */
export function nameActiveTotals(families: RuntimeFamilies, names: TotalNames): void {
  looks.get(families)?.nameTotals(names);
}

class ActiveResources {
  readonly #kinds: readonly Kind[];
  readonly #named: Set<TotalNames> = new Set();

  constructor(families: RuntimeFamilies) {
    const look = (): void => this.#look();
    this.#kinds = [
      new Kind(families, 'resources', 'Resources that keep the event loop alive', () => true, look),
      new Kind(families, 'handles', 'Handles (sockets, servers, pipes) that keep the event loop alive', isHandle, look),
      new Kind(families, 'requests', 'Requests (operations under way) that keep the event loop alive', isRequest, look),
    ];
  }

  nameTotals(names: TotalNames): void {
    if (this.#named.has(names)) return;
    this.#named.add(names);
    for (const kind of this.#kinds) kind.nameTotal(names);
  }

  #look(): void {
    const types = process.getActiveResourcesInfo();
    for (const kind of this.#kinds) kind.show(types);
  }
}

function isRequest(type: string): boolean {
  return REQUESTS.has(type);
}

function isHandle(type: string): boolean {
  return !REQUESTS.has(type) && !TIMERS.has(type);
}

/** The gauges of one kind of resource: by type, and over all types. */
class Kind {
  readonly #families: RuntimeFamilies;
  readonly #name: string;
  readonly #help: string;
  readonly #includes: (type: string) => boolean;
  readonly #look: () => void;
  readonly #byType: Gauge<string>;
  readonly #totals: Gauge<string>[] = [];
  /**
   * All types seen so far. A type without resources shows as 0: a series that comes and goes costs
   * more than one that stays.
   */
  readonly #counts: Map<string, number> = new Map();

  constructor(
    families: RuntimeFamilies,
    name: 'resources' | 'handles' | 'requests',
    help: string,
    includes: (type: string) => boolean,
    look: () => void,
  ) {
    this.#families = families;
    this.#name = name;
    this.#help = help;
    this.#includes = includes;
    this.#look = look;
    this.#byType = families.gauge({
      name: `nodejs_active_${name}`,
      help: `${help}, by type.`,
      labelNames: ['type'],
      // One look serves all three kinds.
      ...(name === 'resources' && { collect: look }),
    });
  }

  nameTotal(names: TotalNames): void {
    const total = this.#families.gauge({
      name: names.replace('x', this.#name),
      help: `${this.#help}.`,
      // prom-client's API can read these without the others.
      ...(this.#name === 'resources' && names === 'nodejs_active_x_total' && { collect: this.#look }),
    });
    this.#totals.push(total);
  }

  show(types: readonly string[]): void {
    for (const type of this.#counts.keys()) this.#counts.set(type, 0);
    let count = 0;
    for (const resource of types) {
      if (!this.#includes(resource)) continue;
      const type = this.#name === 'handles' ? (HANDLE_CLASSES[resource] ?? resource) : resource;
      this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
      count++;
    }
    for (const [type, value] of this.#counts) this.#byType.labels(this.#families.labels({ type })).set(value);
    for (const total of this.#totals) total.labels(this.#families.labels()).set(count);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Number of visitors. Each sends one request after the other, so this also bounds the requests in
 * progress.
 */
const visitors = 4;
const longestPauseMs = 300;
const requestTimeoutMs = 15_000;

const lists = ['/dcim/sites', '/dcim/racks', '/dcim/devices', '/ipam/prefixes', '/ipam/addresses'];
const words = ['amst', 'sw1', 'srv', '10.3.', 'lond', 'mgmt', 'nothing-has-this'];

const jobs = [
  { name: 'report' },
  { name: 'ping-sweep', input: '4' },
  { name: 'ping-sweep', input: 'no prefix' },
  { name: 'import-devices', input: 'name,site\n,1\n' },
];

interface Visitor {
  readonly number: number;
  /** Sends one request and reads the whole answer. */
  fetch(path: string, init?: RequestInit): Promise<{ status: number; body: string }>;
  /** Sends JSON with the token. */
  write(method: string, path: string, body?: object): Promise<{ status: number; body: string }>;
}

type Action = (visitor: Visitor) => Promise<unknown>;

/** The visitors' actions, each with its weight. */
const actions: readonly (readonly [weight: number, action: Action])[] = [
  [12, (visitor) => visitor.fetch(`${pick(lists)}?offset=${50 * below(4)}`)],
  [8, (visitor) => visitor.fetch(`${pick(lists)}?q=${pick(words)}`)],
  [20, (visitor) => visitor.fetch(`${pick(lists)}/${1 + below(38)}`)],
  [12, (visitor) => visitor.fetch(`/api${pick(lists)}?limit=${10 + below(90)}`)],
  [20, (visitor) => visitor.fetch(`/api${pick(lists)}/${1 + below(38)}`)],
  [6, (visitor) => visitor.fetch('/')],
  [4, (visitor) => visitor.fetch('/api/status')],
  [5, changeThings],
  [3, (visitor) => visitor.write('POST', `/api${pick(lists)}`, { name: '', prefix: 'no network' })],
  [2, (visitor) => visitor.fetch(`/api${pick(lists)}`, { method: 'POST' })],
  [2, (visitor) => visitor.fetch(`/api${pick(lists)}/999999`)],
  [2, (visitor) => visitor.fetch(`/wp-admin/${below(1_000_000)}`)],
  [3, (visitor) => visitor.fetch(`${pick(lists)}/add`, { redirect: 'manual' })],
  [2, (visitor) => visitor.write('POST', '/api/extras/jobs', pick(jobs))],
  [2, (visitor) => visitor.fetch(`/extras/slow?ms=${200 + below(1_500)}`)],
  [1, (visitor) => visitor.fetch('/extras/slow?ms=3000', { signal: AbortSignal.timeout(150) })],
];

/**
 * Sends the application steady traffic of about 25 requests a second: pages, API calls, writes, and
 * the usual failures. Deletes what it creates.
 *
 * @returns what stops it
 */
export function startDemo(origin: string, token: string): () => void {
  const stopping = new AbortController();
  for (let number = 1; number <= visitors; number++) void visit(number, origin, token, stopping.signal);
  return () => stopping.abort();
}

async function visit(number: number, origin: string, token: string, stopped: AbortSignal): Promise<void> {
  const visitor = createVisitor(number, origin, token, stopped);
  while (!stopped.aborted) {
    try {
      await choose()(visitor);
      await sleep(below(longestPauseMs), undefined, { signal: stopped });
    } catch {
      // Aborted on purpose, stopped, or the web process died: the visitor comes back after a
      // moment.
      await sleep(longestPauseMs, undefined, { ref: false });
    }
  }
}

function createVisitor(number: number, origin: string, token: string, stopped: AbortSignal): Visitor {
  const visitor: Visitor = {
    number,
    async fetch(path, init = {}) {
      const signals = [stopped, init.signal ?? AbortSignal.timeout(requestTimeoutMs)];
      const response = await fetch(origin + path, { ...init, signal: AbortSignal.any(signals) });
      return { status: response.status, body: await response.text() };
    },
    write(method, path, body) {
      const headers = { authorization: `Token ${token}`, 'content-type': 'application/json' };
      return visitor.fetch(path, body ? { method, headers, body: JSON.stringify(body) } : { method, headers });
    },
  };
  return visitor;
}

/**
 * Adds a device with an address, changes it, and removes both, including leftovers of an earlier
 * run.
 */
async function changeThings(visitor: Visitor): Promise<void> {
  const name = `demo-${visitor.number}`;
  const address = `198.18.0.${visitor.number}/32`;
  await removeAll(visitor, '/api/ipam/addresses', address);
  await removeAll(visitor, '/api/dcim/devices', name);
  const device = await visitor.write('POST', '/api/dcim/devices', { name, site: 1 + below(38) });
  const { id } = JSON.parse(device.body) as { id: number };
  await visitor.write('POST', '/api/ipam/addresses', { address, device: id });
  await visitor.write('PATCH', `/api/dcim/devices/${id}`, { status: pick(['staged', 'active']) });
  await visitor.write('POST', '/api/dcim/devices', { name, site: 1 });
  await visitor.write('DELETE', `/api/dcim/devices/${id}`);
  await removeAll(visitor, '/api/ipam/addresses', address);
  await visitor.write('DELETE', `/api/dcim/devices/${id}`);
}

async function removeAll(visitor: Visitor, path: string, display: string): Promise<void> {
  const { body } = await visitor.fetch(`${path}?q=${encodeURIComponent(display)}`);
  const { results } = JSON.parse(body) as { results: { id: number; display: string }[] };
  for (const found of results.filter((object) => object.display === display)) {
    await visitor.write('DELETE', `${path}/${found.id}`);
  }
}

function choose(): Action {
  const total = actions.reduce((sum, [weight]) => sum + weight, 0);
  let left = below(total);
  return actions.find(([weight]) => (left -= weight) < 0)![1];
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function pick<T>(choices: readonly T[]): T {
  return choices[below(choices.length)]!;
}

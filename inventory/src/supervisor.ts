import cluster, { type Worker } from 'node:cluster';

/** Workers that have not ended this long after a stop signal are killed, in milliseconds. */
const killAfterMs = 4_000;
/**
 * Delay before a worker is replaced, in milliseconds. It doubles with each one that fails before it
 * serves.
 */
const firstDelayMs = 100;
const longestDelayMs = 10_000;

/** A kind of process. */
export interface ProcessKind {
  /** For people, such as `Web process`. */
  readonly label: string;
  readonly count: number;
  readonly environment: Record<string, string>;
}

/** Events of the supervisor. */
export interface SupervisorEvents {
  /** All processes serve for the first time. `port` is that of the first kind. */
  ready(port: number): void;
  /** The processes are being stopped. */
  stopping(): void;
}

/**
 * Runs processes from the primary: starts them, replaces those that die, and stops them all on
 * SIGTERM or SIGINT. The first of the first kind starts alone, so that what keeps it from serving
 * is told once; the primary then ends with exit code 1.
 */
export function supervise(kinds: readonly [ProcessKind, ...ProcessKind[]], events: SupervisorEvents): void {
  const workers = new Map<Worker, ProcessKind>();
  const served = new WeakSet<Worker>();
  const all = kinds.reduce((sum, { count }) => sum + count, 0);
  let serving = 0;
  let port = 0;
  let failures = 0;
  let stopping = false;
  const restarts = new Set<NodeJS.Timeout>();

  function start(kind: ProcessKind): void {
    workers.set(cluster.fork(kind.environment), kind);
  }

  function startOthers(): void {
    for (const [index, kind] of kinds.entries()) {
      for (let started = index === 0 ? 1 : 0; started < kind.count; started++) start(kind);
    }
  }

  function stop(signal: NodeJS.Signals): void {
    if (stopping) return;
    stopping = true;
    for (const timer of restarts) clearTimeout(timer);
    events.stopping();
    signalAll(signal);
    setTimeout(() => signalAll('SIGKILL'), killAfterMs).unref();
  }

  function signalAll(signal: NodeJS.Signals): void {
    for (const worker of workers.keys()) worker.process.kill(signal);
  }

  // Not the event `listening`: with METRICS_PORT a worker has two listeners.
  cluster.on('message', (worker, message: unknown) => {
    if (!isServing(message)) return;
    served.add(worker);
    serving++;
    if (serving === 1) {
      port = message.servingAt;
      startOthers();
    }
    if (serving === all) events.ready(port);
  });

  cluster.on('exit', (worker, code, signal) => {
    const kind = workers.get(worker);
    workers.delete(worker);
    if (stopping || kind === undefined) return;
    if (serving === 0) {
      process.exitCode = 1;
      return;
    }
    failures = served.has(worker) ? 0 : failures + 1;
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** failures);
    console.error(`${kind.label} ${worker.process.pid} ended (${signal ?? `exit code ${code}`}); starting another.`);
    const timer = setTimeout(() => {
      restarts.delete(timer);
      start(kind);
    }, delayMs);
    restarts.add(timer);
  });

  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  start(kinds[0]);
}

/** The message of a process that is ready. */
export interface Serving {
  /** Its port; 0 where it has none. */
  readonly servingAt: number;
}

function isServing(message: unknown): message is Serving {
  return typeof (message as Partial<Serving> | null)?.servingAt === 'number';
}

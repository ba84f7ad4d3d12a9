import cluster, { type Worker } from 'node:cluster';

/** After a stop was asked for, workers that still live after this time are killed, in milliseconds. */
const killAfterMs = 4_000;
/** A worker that came to listen is replaced after this time; for those that don't it doubles with each, in milliseconds. */
const firstDelayMs = 100;
const longestDelayMs = 10_000;

/** What the supervisor tells the rest of the primary. */
export interface SupervisorEvents {
  /** All web processes listen, for the first time. */
  ready(port: number): void;
  /** A stop has begun. */
  stopping(): void;
}

/**
 * Runs the web processes from the primary: starts them, replaces those that die, and stops them all on SIGTERM or SIGINT.
 * The first one starts alone, so that what keeps it from listening is told once; the primary then ends with exit code 1.
 */
export function supervise(processes: number, environment: Record<string, string>, events: SupervisorEvents): void {
  const workers = new Set<Worker>();
  const listened = new WeakSet<Worker>();
  let listening = 0;
  let failures = 0;
  let stopping = false;
  const restarts = new Set<NodeJS.Timeout>();

  function start(): void {
    workers.add(cluster.fork(environment));
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
    for (const worker of workers) worker.process.kill(signal);
  }

  // Not the event `listening`: with METRICS_PORT a worker has two listeners.
  cluster.on('message', (worker, message: unknown) => {
    if (!isServing(message)) return;
    listened.add(worker);
    listening++;
    if (listening === 1) for (let index = 1; index < processes; index++) start();
    if (listening === processes) events.ready(message.servingAt);
  });

  cluster.on('exit', (worker, code, signal) => {
    workers.delete(worker);
    if (stopping) return;
    if (listening === 0) {
      process.exitCode = 1;
      return;
    }
    failures = listened.has(worker) ? 0 : failures + 1;
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** failures);
    console.error(`Web process ${worker.process.pid} ended (${signal ?? `exit code ${code}`}); starting another.`);
    const timer = setTimeout(() => {
      restarts.delete(timer);
      start();
    }, delayMs);
    restarts.add(timer);
  });

  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  start();
}

/** What a web process sends when it answers requests. */
export interface Serving {
  readonly servingAt: number;
}

function isServing(message: unknown): message is Serving {
  return typeof (message as Partial<Serving> | null)?.servingAt === 'number';
}

import { debuglog } from 'node:util';
import { sampleNames, shownName } from '../snapshot/names.ts';
import type { Registry } from '../core/registry.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import type { Board } from '../store/board.ts';
import type { AppFamilies } from './app-families.ts';
import type { CheckedCollector } from './collector.ts';
import { combine } from './combine.ts';
import { gather } from './gather.ts';
import { type CollectedRecord, decodeRecord, encodeRecord } from './record.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** Scrapes wait for a collector whose last run took no longer, so that its values are fresh. */
const QUICK_MS = 100;
/** Tolerates scrapes that come slightly early, so that a refresh does not slip to the next one. */
const EARLY = 0.99;
/** A run that ignores its signal blocks new runs for this long, or ten times its timeout. */
const LEAST_STUCK_MS = 60_000;

/** The outcome of a run. */
type Outcome = { readonly families: readonly FamilySnapshot[] } | { readonly error: unknown };

/** What a runner shares with other runners. */
export interface RunnerContext {
  readonly registry: Registry;
  /** The families about collectors; `undefined` if their names are taken. */
  families(): AppFamilies | undefined;
  /** The latest results of other collectors, in the order of combining. */
  others(than: CheckedCollector): readonly CollectedRecord[];
}

/** Runs one collector, one run at a time over all processes of the store, within its time limit. */
export class Runner {
  #collector: CheckedCollector;
  readonly #context: RunnerContext;
  readonly #running: Set<AbortController> = new Set();
  #warned = false;

  constructor(collector: CheckedCollector, context: RunnerContext) {
    this.#collector = collector;
    this.#context = context;
  }

  get collector(): CheckedCollector {
    return this.#collector;
  }

  /** Uses the function of a collector that was defined again. */
  follow(collector: CheckedCollector): void {
    this.#collector = collector;
  }

  /** The shared state of the collector. */
  get record(): CollectedRecord | undefined {
    const note = this.#board.read(this.collector.key);
    return note && decodeRecord(note);
  }

  /**
   * Starts a run if it is due and no process runs it. Returns a promise that a scrape should wait
   * for if this is the first run ever, or the last run was quick.
   */
  refresh(): Promise<void> | undefined {
    if (!this.#isDue()) return undefined;
    const board = this.#board;
    const release = board.claim(this.collector.key);
    if (!release) return undefined;
    if (!this.#isDue()) {
      release(); // Another process has just finished a run.
      return undefined;
    }
    const { record } = this;
    const running = this.#run(record, release);
    return record === undefined || (record.succeeded && record.tookMs <= QUICK_MS) ? running : undefined;
  }

  /** Aborts the current run. */
  abort(): void {
    for (const run of this.#running) run.abort(new Closing('metrics are closed'));
  }

  get #board(): Board {
    return this.#context.registry.store.board;
  }

  #isDue(): boolean {
    const { record } = this;
    const age = record === undefined ? Infinity : this.#now() - record.attemptedAt;
    return age < 0 || age >= this.collector.refreshMs * EARLY;
  }

  /** Never throws. */
  async #run(before: CollectedRecord | undefined, release: () => void): Promise<void> {
    const attemptedAt = this.#now();
    const start = performance.now();
    const run = new AbortController();
    this.#running.add(run);
    const gathering = gather(this.collector, run.signal);
    try {
      const outcome = await this.#outcome(gathering, run);
      if (outcome) this.#publish(outcome, attemptedAt, performance.now() - start, before);
    } catch (error) {
      debug('what became of %s was not told: %o', this.collector.key, error);
    } finally {
      this.#running.delete(run);
      this.#releaseWhenDone(gathering, release);
    }
  }

  /**
   * Returns the outcome of a run within its time limit; `undefined` if it was aborted because
   * metrics were closed.
   */
  async #outcome(gathering: Promise<readonly FamilySnapshot[]>, run: AbortController): Promise<Outcome | undefined> {
    const { timeoutMs } = this.collector;
    const timer = setTimeout(() => run.abort(new Error(`no result within ${timeoutMs} ms`)), timeoutMs).unref();
    try {
      return { families: await Promise.race([gathering, aborted(run.signal)]) };
    } catch (error) {
      return error instanceof Closing ? undefined : { error };
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Publishes the outcome of a run on the board, and records it in the families about collectors.
   */
  #publish(outcome: Outcome, attemptedAt: number, tookMs: number, before: CollectedRecord | undefined): void {
    const { app, name: collector, refreshMs, keepMs } = this.collector;
    const last = { app, collector, attemptedAt, tookMs, refreshMs, keepMs };
    let failure = 'error' in outcome ? outcome : undefined;
    let text: string | undefined;
    if ('families' in outcome) {
      const { families, problem: clash } = this.#withoutDefined(outcome.families);
      const record = { ...last, succeeded: true, collectedAt: attemptedAt, families };
      const problem = clash ?? this.#refusalOf(record);
      if (problem !== undefined) failure = { error: new Error(problem) };
      text = encodeRecord({ ...record, succeeded: failure === undefined });
      if (text === undefined) failure = { error: new Error('it gave more than 4 MiB') };
    }
    text ??= encodeRecord({ ...last, succeeded: false, ...this.#stillGood(before) })!;
    this.#board.post(this.collector.key, text);
    this.#tell(tookMs, failure);
  }

  /** Returns the last good values while they may be shown. */
  #stillGood(before: CollectedRecord | undefined): Pick<CollectedRecord, 'collectedAt' | 'families'> {
    const { collectedAt, families = [] } = before ?? {};
    const kept = collectedAt !== undefined && this.#now() - collectedAt < this.collector.keepMs;
    return kept ? { collectedAt, families } : { families: [] };
  }

  /** Blocks new runs until the collector function ends, with a limit. */
  #releaseWhenDone(gathering: Promise<unknown>, release: () => void): void {
    const timer = setTimeout(release, Math.max(LEAST_STUCK_MS, 10 * this.collector.timeoutMs)).unref();
    const giveBack = (): void => {
      clearTimeout(timer);
      release();
    };
    gathering.then(giveBack, giveBack);
  }

  /** Leaves out families whose names the registry's own metrics have. */
  #withoutDefined(families: readonly FamilySnapshot[]): { families: readonly FamilySnapshot[]; problem?: string } {
    const defined = new Set<string>();
    for (const { definition } of this.#context.registry.metrics())
      for (const name of sampleNames(definition)) defined.add(name);
    const clashing = families.filter(({ definition }) => sampleNames(definition).some((name) => defined.has(name)));
    if (clashing.length === 0) return { families };
    const names = clashing.map(({ definition }) => shownName(definition)).join(', ');
    return {
      families: families.filter((family) => !clashing.includes(family)),
      problem: `${names} is left out: the application has a metric of that name`,
    };
  }

  #refusalOf(record: CollectedRecord): string | undefined {
    const all = [...this.#context.others(this.collector), record].sort(byKey);
    const refusal = combine(all).refused.find((one) => one.record === record);
    return refusal && `${refusal.family} is left out: ${refusal.reason}`;
  }

  #tell(tookMs: number, failure: { readonly error: unknown } | undefined): void {
    const { app, name: collector } = this.collector;
    try {
      const labels = { app, collector };
      const families = this.#context.families();
      families?.duration.labels(labels).observe(tookMs / 1000);
      if (failure) families?.errors.labels(labels).inc();
      else families?.lastSuccess.labels(labels).setToCurrentTime();
    } catch (error) {
      debug('a run of %s was not counted: %o', this.collector.key, error);
    }
    if (failure) debug('the collector %s of %s failed: %o', collector, app, failure.error);
    // Warns once until a run succeeds, so that logs don't fill up.
    if (failure && !this.#warned) {
      process.emitWarning(`The collector ${collector} of the app ${app} failed: ${messageOf(failure.error)}`, {
        type: 'MetricsWarning',
        code: 'WARN_METRICS_COLLECTOR',
      });
    }
    this.#warned = failure !== undefined;
  }

  #now(): number {
    return this.#context.registry.clock.now();
  }
}

/** Orders records for combining, the same in all processes. */
export function byKey(a: CollectedRecord, b: CollectedRecord): number {
  return `${a.app}.${a.collector}` < `${b.app}.${b.collector}` ? -1 : 1;
}

class Closing extends Error {}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** Returns the message of an error, or the type of another thrown value. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `a thrown ${typeof error}`;
}

import { onTestFinished, vi } from 'vitest';
import { type Collector, Registry } from '../../src/index.ts';
import { type ScrapedPage, scrape } from '../../src/testing.ts';

/** A registry on the heap whose time of day the test moves. */
export function subject(): { registry: Registry; page: () => Promise<ScrapedPage>; pass: (seconds: number) => void } {
  let now = 1_700_000_000_000;
  const sharedMs = (): number => now / 1000;
  const registry = new Registry({ clock: { now: () => now, sharedMs } });
  onTestFinished(() => registry.close());
  return {
    registry,
    page: () => scrape(registry),
    pass: (seconds) => void (now += seconds * 1000),
  };
}

/** A collector of one gauge without labels, which counts its runs. */
export function counting(name: string, family: string = `${name}_runs`): Collector & { runs: number } {
  return {
    name,
    runs: 0,
    async *collect() {
      this.runs++;
      yield { name: family, help: 'Runs so far.', samples: [{ value: this.runs }] };
    },
  };
}

/** What a promise waits for, and how it is let go. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Waits until a check holds, on machines that are busy too. */
export function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 30_000, interval: 10 });
}

/** The warnings that the test provokes, code and message. */
export function warnings(): readonly string[] {
  const seen: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning, options) => {
    seen.push(`${(options as { code?: string } | undefined)?.code}: ${String(warning)}`);
  });
  onTestFinished(() => spy.mockRestore());
  return seen;
}

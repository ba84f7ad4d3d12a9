import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Names every test that did not run, which a summary's number hides; with `CI=true` there may be
 * none.
 */
export class SkippedReporter implements Reporter {
  /** Whether somebody asked for a part of the tests only. */
  #partial = false;

  onInit(vitest: Vitest): void {
    this.#partial = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#partial) return;
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    for (const test of skipped) process.stdout.write(`not run: ${test.module.relativeModuleId} > ${test.fullName}\n`);
    if (skipped.length === 0 || process.env['CI'] !== 'true') return;
    process.stdout.write(`${skipped.length} tests did not run, and with CI=true all have to\n`);
    process.exitCode = 1;
  }
}

import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { SkippedReporter } from './test/support/skipped-reporter.ts';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Most of what tests wait for is other processes and servers, so two cores serve two of them at
    // once.
    maxWorkers: 2,
    // Many start processes, also on machines that are busy: a test that hangs is found in any case.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: [new SkippedReporter(), 'default'],
  },
});
export default config;

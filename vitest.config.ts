import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { SkippedReporter } from './test/support/skipped-reporter.ts';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    reporters: [new SkippedReporter(), 'default'],
  },
});
export default config;

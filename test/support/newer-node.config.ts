import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** For the suites that a newer Node runs: see newer-node.ts. What they start is built already. */
const config: ViteUserConfig = defineConfig({
  test: { include: ['test/**/*.newer-node.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 1 },
});
export default config;

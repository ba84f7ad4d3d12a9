import { expect, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { collectRuntimeMetrics } from '../../src/runtime.ts';
import { expectPromtoolAccepts, noForeignParsers } from '../support/foreign-parsers.ts';

test.skipIf(noForeignParsers)('promtool has nothing to say about the page that everyone has', async () => {
  const registry = new Registry();
  observeSelf(registry);
  const stop = collectRuntimeMetrics({ registry });
  const page = [...negotiate(undefined).render(await registry.snapshot())].join('');
  stop();
  expect(page.match(/^# TYPE /gm)!.length).toBeGreaterThan(35);
  await expectPromtoolAccepts(page);
});

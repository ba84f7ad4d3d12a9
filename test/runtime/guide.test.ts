import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Registry } from '../../src/index.ts';
import { collectRuntimeMetrics } from '../../src/runtime.ts';
import { ROOT } from '../support/modules.ts';

/** The suffix that a family's name has in text 0.0.4. */
const SUFFIXES: Readonly<Record<string, string>> = { counter: '_total', info: '_info' };

test('the guide lists every family as it is, and no other', () => {
  const guide = readFileSync(join(ROOT, 'docs/guide/runtime-metrics.md'), 'utf8');
  const rows = guide
    .split('\n')
    .filter((line) => /^\| `(process|nodejs)_/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const documented = rows.map(([, name, type, labels, , processes]) => ({
    name: name!.slice(1, -1),
    type,
    labels,
    processes,
  }));
  const registry = new Registry();
  const stop = collectRuntimeMetrics({ registry });
  stop();
  const defined = [...registry.metrics()].map(({ definition: { name, type, labelNames, aggregation } }) => ({
    name: name + (SUFFIXES[type] ?? ''),
    type,
    labels: labelNames.join(', '),
    processes: aggregation === 'all' ? 'each' : 'sum',
  }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(documented.sort(byName)).toEqual(defined.sort(byName));
  expect(documented.length).toBeGreaterThanOrEqual(33);
  // A process tells once what its threads share.
  expect(rows.filter(([, name, , , toldBy]) => (toldBy === 'process') !== name!.startsWith('`process_'))).toEqual([]);
});

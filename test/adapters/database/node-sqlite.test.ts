import { expect, test } from 'vitest';
import { runOnNode } from '../../support/newer-node.ts';

test.each(['22', '24', '26'])('node:sqlite keeps the contract on Node %s', { timeout: 180_000 }, async (version) => {
  const { passed, others } = await runOnNode(version, 'test/adapters/database/node-sqlite.newer-node.ts');
  expect(others).toEqual([]);
  expect(passed).toBeGreaterThanOrEqual(13);
});

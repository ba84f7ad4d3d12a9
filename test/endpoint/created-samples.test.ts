import { describe, expect, test } from 'vitest';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { Counter, Registry } from '../../src/index.ts';

describe('createdSamples', () => {
  test.each([
    [undefined, 'application/openmetrics-text;version=1.0.0', false],
    [false, 'application/openmetrics-text;version=1.0.0', false],
    [true, 'application/openmetrics-text;version=1.0.0', true],
    [true, 'text/plain', false],
  ])('%s, asked for %s: %s', async (createdSamples, accept, shown) => {
    const registry = new Registry();
    new Counter({ name: 'jobs_total', help: 'Jobs.', registry }).inc();
    const endpoint = createEndpoint({ enabled: true, registry, createdSamples }, {});
    const answer = await endpoint.fetch(new Request('http://app/metrics', { headers: { accept } }));
    const page = await answer.text();
    const { startTimestamp } = await registry.snapshot();
    expect(page).toContain('\njobs_total 1\n');
    expect(page.includes(`\njobs_created ${startTimestamp}\n`)).toBe(shown);
    await endpoint.close();
    registry.close();
  });
});

import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parsePage, seriesValue } from '../../src/testing.ts';
import { ROOT } from '../support/modules.ts';

/**
 * Runs a program against what ships; ends with what it prints. Fails where it does not end by
 * itself with 0.
 */
async function run(program: string, env: NodeJS.ProcessEnv = {}, ...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  return stdout;
}

const IMPORTS = `
import { Registry, defaultRegistry } from 'promenade';
import { collectRuntimeMetrics } from 'promenade/runtime';
import { scrape, seriesValue, findSeries } from 'promenade/testing';
`;

test('garbage collections are counted by kind, and no more after stop()', async () => {
  const program = `${IMPORTS}
    const registry = new Registry();
    const stop = collectRuntimeMetrics({ registry });
    const counts = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const page = await scrape(registry);
      return ['major', 'minor'].map((kind) => seriesValue(page, 'nodejs_gc_duration_seconds_count', { kind }));
    };
    const before = await counts();
    for (let i = 0; i < 3; i++) gc();
    gc({ type: 'minor' });
    const after = await counts();
    stop();
    const stopped = await counts();
    for (let i = 0; i < 3; i++) gc();
    console.log(JSON.stringify({ before, after, stopped, later: await counts() }));`;
  const { before, after, stopped, later } = JSON.parse(await run(program, {}, '--expose-gc')) as Record<
    'before' | 'after' | 'stopped' | 'later',
    [number, number]
  >;
  expect(after[0] - before[0]).toBeGreaterThanOrEqual(3);
  expect(after[1] - before[1]).toBeGreaterThanOrEqual(1);
  expect(later).toEqual(stopped);
});

test('a process ends by itself, stopped or not; stop() leaves no timer and no listener', async () => {
  expect(await run(`${IMPORTS} collectRuntimeMetrics(); console.log('ran');`)).toBe('ran\n');
  const program = `
    import { createHook } from 'node:async_hooks';
    const timers = new Set();
    createHook({ init: (id, type) => type === 'Timeout' && timers.add(id), destroy: (id) => timers.delete(id) }).enable();
    const { Registry } = await import('promenade');
    const { collectRuntimeMetrics } = await import('promenade/runtime');
    const registry = new Registry();
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const count = async () => (await turn(), await turn(), [timers.size, process.listenerCount('exit')]);
    const before = await count();
    const stop = collectRuntimeMetrics({ registry });
    const during = await count();
    stop();
    console.log(JSON.stringify([before, during, await count()]));`;
  const [before, during, after] = JSON.parse(await run(program)) as [number, number][];
  expect(during).toEqual(before!.map((count) => count + 1));
  expect(after).toEqual(before);
});

test('a thread tells what it has of its own, the process the rest', async () => {
  const program = `
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(process.env.THREAD)));
    worker.on('message', (message) => console.log(message));`;
  const thread = `
    import { parentPort } from 'node:worker_threads';
    const { Registry } = await import('${new URL('../../dist/index.js', import.meta.url).href}');
    const { collectRuntimeMetrics } = await import('${new URL('../../dist/runtime.js', import.meta.url).href}');
    const registry = new Registry();
    const stop = collectRuntimeMetrics({ registry });
    const { families } = await registry.snapshot();
    stop();
    parentPort.postMessage(families.map(({ definition }) => definition.name).join(' '));`;
  const names = (await run(program, { THREAD: thread })).trim().split(' ');
  expect(names.filter((name) => name.startsWith('process_'))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['nodejs_heap_size_used_bytes', 'nodejs_gc_duration_seconds']));
  expect(names).toContain('nodejs_eventloop_lag_seconds');
});

describe('processes that share a directory', () => {
  function newDirectory(): NodeJS.ProcessEnv {
    const directory = mkdtempSync(join(tmpdir(), 'promenade-runtime-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return { METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
  }
  const burn = `${IMPORTS}
    collectRuntimeMetrics();
    const end = process.cpuUsage().user + 300_000;
    while (process.cpuUsage().user < end);
    process.on('exit', () => { const { user, system } = process.cpuUsage(); console.log((user + system) / 1e6) });`;

  test('their CPU times add up, and those of the dead stay', async () => {
    const env = newDirectory();
    const spent = (await Promise.all([run(burn, env), run(burn, env)])).map(Number);
    spent.push(Number(await run(burn, env)));
    const page = parsePage(
      await run(
        `${IMPORTS} collectRuntimeMetrics();
        const page = await scrape(defaultRegistry);
        const { user, system } = process.cpuUsage();
        console.log('own ' + (user + system) / 1e6);
        for (const name of ['user_', 'system_', '']) {
          const full = 'process_cpu_' + name + 'seconds_total';
          console.log(full + ' ' + seriesValue(page, full));
        }`,
        env,
      ),
    );
    const own = seriesValue(page, 'own')!;
    const total = seriesValue(page, 'process_cpu_seconds_total')!;
    const others = spent.reduce((sum, seconds) => sum + seconds, 0);
    expect(spent.every((seconds) => seconds > 0.3)).toBe(true);
    // What a process spends after its last look, on its way out, is not in it; nor what the reader
    // spent since.
    expect(total).toBeGreaterThan(others * 0.9);
    expect(total).toBeLessThan(others + own);
    expect(
      seriesValue(page, 'process_cpu_user_seconds_total')! + seriesValue(page, 'process_cpu_system_seconds_total')!,
    ).toBeCloseTo(total, 6);
  });

  test('their memory and lag are told apart, of the living alone', async () => {
    const env = newDirectory();
    await run(`${IMPORTS} collectRuntimeMetrics(); await defaultRegistry.snapshot();`, {
      ...env,
      METRICS_ROLE: 'dead',
    });
    const job = fork(join(ROOT, 'test/fixtures/runtime.mjs'), { env: { ...process.env, ...env, METRICS_ROLE: 'job' } });
    onTestFinished(() => {
      job.disconnect();
    });
    await once(job, 'message');
    const program = `${IMPORTS} collectRuntimeMetrics();
      const page = await scrape(defaultRegistry);
      const gauges = ['process_resident_memory_bytes', 'nodejs_eventloop_lag_max_seconds', 'process_start_time_seconds'];
      console.log(JSON.stringify(gauges.map((name) => findSeries(page, name).map(({ labels }) => labels))));
      console.log(findSeries(page, 'nodejs_version_info').length);`;
    const [labels, versions] = (await run(program, { ...env, METRICS_ROLE: 'web' })).split('\n');
    const both = [{ process: 'job-0' }, { process: 'web-0' }];
    expect(JSON.parse(labels!)).toEqual([both, both, both]);
    expect(versions).toBe('1');
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Inventory, startInventory, startTimeoutMs } from '../inventory/start-inventory.ts';
import { noForeignParsers } from '../support/foreign-parsers.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';

/**
 * A real Prometheus server (Debian's) scrapes the reference application while its workers are
 * killed.
 */
const SECONDS = process.env['PROMENADE_DRILL'] === 'full' ? 60 : 20;

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

function falls(values: Series['values']): boolean {
  return values.some(([, value], i) => i > 0 && Number(value) < Number(values[i - 1]![1]));
}

describe.skipIf(noForeignParsers)('a Prometheus server', () => {
  let inventory: Inventory;
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    inventory = await startInventory({ METRICS_ENABLED: 'true', WEB_PROCESSES: '3' });
    const target = new URL(inventory.origin).host;
    prometheus = await startPrometheus(
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: inventory, static_configs: [{ targets: ['${target}'] }] }]\n`,
    );
  }, startTimeoutMs);

  afterAll(async () => {
    await prometheus?.stop();
    await inventory?.stop();
  }, startTimeoutMs);

  /**
   * Over a new connection. Node's cluster forgets one that it was handing to a worker when that was
   * killed: hence the limit.
   */
  function ask(path: string): Promise<Response> {
    return fetch(inventory.origin + path, { headers: { connection: 'close' }, signal: AbortSignal.timeout(3000) });
  }

  test(
    'sees no counter fall while workers are killed, and every request once',
    async () => {
      const end = Date.now() + SECONDS * 1000;
      const killed: number[] = [];
      let asked = 0;
      let answered = 0;
      const load = async (): Promise<void> => {
        while (Date.now() < end) {
          asked++;
          try {
            await (await ask('/api/dcim/sites?limit=1')).arrayBuffer();
            answered++;
          } catch {
            // The worker that had it was killed: it may have been counted or not.
          }
          await delay(5);
        }
      };
      const kill = async (): Promise<void> => {
        await delay(4000); // so that there is something to lose
        while (Date.now() < end - 3000) {
          const response = await ask('/api/status').catch(() => undefined);
          if (response?.ok) {
            const { pid } = (await response.json()) as { pid: number };
            process.kill(pid, 'SIGKILL');
            killed.push(pid);
          }
          await delay(2000);
        }
      };
      await Promise.all([load(), load(), kill()]);
      await delay(3500); // more scrapes

      expect(killed.length).toBeGreaterThanOrEqual(3);
      expect(answered).toBeGreaterThan(100);
      // How many scrapes fail says how busy the machine is; what the others saw is what counts.
      expect(await prometheus.one('sum_over_time(up[5m])')).toBeGreaterThanOrEqual(5);
      await expect.poll(() => prometheus.one('up'), { timeout: 20_000, interval: 500 }).toBe(1);

      const counters = '{job="inventory", __name__=~".+(_total|_count|_sum|_bucket)"}';
      const sums = (await prometheus.query(`${counters}[5m]`)) as unknown as Series[];
      expect(sums.length).toBeGreaterThan(100);
      expect(sums.filter(({ values }) => falls(values)).map(({ metric }) => metric)).toEqual([]);
      expect(await prometheus.one('sum(resets(http_server_requests_total[5m]))')).toBe(0);

      const counted = await prometheus.one('http_server_requests_total{route="/api/dcim/sites", method="GET"}');
      expect(counted).toBeGreaterThanOrEqual(answered);
      expect(counted).toBeLessThanOrEqual(asked);
    },
    (SECONDS + 60) * 1000,
  );
});

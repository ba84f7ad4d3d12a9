// Counts in one process, and prints its page.
import { createServer } from 'node:http';
import { Counter, Gauge, Histogram, Info, StateSet, Summary } from 'promenade';
import { createEndpoint } from 'promenade/http';

const help = 'Help.';
new Counter({ name: 'jobs', help, labelNames: ['queue'] }).labels({ queue: 'mail' }).inc(3);
new Gauge({ name: 'depth', help }).set(2.5);
new Histogram({ name: 'wait_seconds', help, unit: 'seconds', buckets: [1, 2] }).observe(1.5);
new Summary({ name: 'size_bytes', help, unit: 'bytes', quantiles: [0.5] }).observe(10);
new Info({ name: 'build', help, labelNames: ['version'] }).set({ version: '1' });
new StateSet({ name: 'mode', help, states: ['on', 'off'] }).set('on');

const endpoint = createEndpoint({ enabled: true });
const server = createServer(endpoint.handler).listen(0, '127.0.0.1', async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/metrics`);
  console.log(JSON.stringify({ status: answer.status, page: await answer.text() }));
  server.close();
  server.closeAllConnections();
});

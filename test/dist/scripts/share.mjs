// Counts into the directory of the environment as told, and says what all processes have counted
// together.
import { Counter, defaultRegistry } from 'promenade';
import { scrape } from 'promenade/testing';

const jobs = new Counter({ name: 'jobs', help: 'Jobs.', labelNames: ['node'] });
const mine = jobs.labels({ node: process.version });
process.on('message', async ({ add }) => {
  for (let i = 0; i < add; i++) mine.inc();
  const { families } = await scrape(defaultRegistry);
  process.send(families.get('jobs_total').samples.map(({ labels, value }) => [labels.node, value]));
});
process.send('ready');

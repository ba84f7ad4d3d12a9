import { Counter, defaultRegistry, Registry } from 'promenade';
import { createEndpoint } from 'promenade/http';
import { Buffer } from 'node:buffer';
import { readPage } from '../harness/page.ts';
import { scrape, serveOnLoopback, writeToNowhere } from '../harness/scrape.ts';

const [directory, command, slots, seriesCount, ...counters] = process.argv.slice(2);
if (command === 'fill') fill();
else await show();

/** Every registry is a process of its own to the directory: it has a slot, and gives it up. */
function fill(): void {
  for (let slot = 0; slot < Number(slots); slot++) {
    const registry = new Registry();
    createEndpoint({ enabled: true, registry, multiprocDir: directory!, role: `ended_${slot}` });
    for (const name of counters) {
      const counter = new Counter({ name, help: 'Things.', labelNames: ['thing'], registry });
      for (let i = 0; i < Number(seriesCount); i++) counter.labels({ thing: `thing-${i}` }).inc();
    }
    registry.close();
  }
}

async function show(): Promise<void> {
  const { handler } = createEndpoint({ enabled: true, registry: defaultRegistry, multiprocDir: directory! });
  const ms: number[] = [];
  for (let i = 0; i < 4; i++) {
    const start = performance.now();
    await writeToNowhere(handler);
    ms.push(performance.now() - start);
  }
  const port = await serveOnLoopback(handler);
  const page = readPage(Buffer.concat(await scrape(port)).toString(), counters);
  const total = [...page.values()].reduce((sum, value) => sum + value, 0);
  // The server that was scraped is still open; what was measured has been handed over.
  process.stdout.write(JSON.stringify({ ms, total }), () => process.exit());
}

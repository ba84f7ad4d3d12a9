import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

function counterOf({ registry }: Process): Counter<'n'> {
  return new Counter({ name: 'kept_total', help: 'Help.', labelNames: ['n'], maxSeries: 1e6, registry });
}

/** A dead slot with 50 series, which have counted 20 each. */
function deadSlot(): string {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const counter = counterOf(writer);
  for (let n = 0; n < 50; n++) counter.labels({ n }).inc(20);
  writer.die();
  return directory;
}

test.each([
  ['names', 1],
  ['names', 4096],
  ['names', 65_535],
  ['cells', 1],
  ['cells', 4096],
  ['cells', 32_768],
])('a growth of the %s that a kill cut after %i bytes is no damage', async (kind, bytes) => {
  const directory = deadSlot();
  const path = join(directory, `worker-0.${kind}`);
  fs.appendFileSync(path, Buffer.alloc(bytes));
  const reader = readerOf(directory);
  expect(totalOn(await reader.snapshot(), 'kept')).toBe(1000);
  const next = new Process(directory);
  expect(next.store.slotName).toBe('worker-0');
  const counter = counterOf(next);
  // So many that both files grow over where they were cut.
  for (let n = 0; n < 9000; n++) counter.labels({ n }).inc();
  expect(totalOn(await reader.snapshot(), 'kept')).toBe(10_000);
  expect(reader.status()).toMatchObject({ quarantined: 0, damaged: 0 });
  for (const file of ['names', 'cells']) expect(fs.statSync(join(directory, `worker-0.${file}`)).size % 65_536).toBe(0);
  next.die();
  expect(totalOn(await readerOf(directory, 'late').snapshot(), 'kept')).toBe(10_000);
});

test('an erasure of a torn record that a kill cut between two pages leaves a torn record', async () => {
  const directory = deadSlot();
  const path = join(directory, 'worker-0.names');
  const sound = fs.readFileSync(path);
  let end = sound.length;
  while (sound[end - 1] === 0) end--;
  // A record over three pages, of which its writer stored all but the last bytes.
  const torn = Buffer.from(sound);
  torn.writeUInt32LE(10_000, end);
  torn.write(`["series",1,["${'x'.repeat(9900)}`, end + 8);
  const root = temporaryDirectory();
  const pages = [...Array(4).keys()].map((i) => (Math.floor(end / 4096) + 1 + i) * 4096);
  for (const [i, from] of [...pages, torn.length].entries()) {
    const copy = join(root, String(i));
    fs.cpSync(directory, copy, { recursive: true });
    fs.writeFileSync(join(copy, 'worker-0.names'), Buffer.from(torn).fill(0, from));
    const next = new Process(copy);
    expect(totalOn(await next.registry.snapshot(), 'kept')).toBe(1000);
    counterOf(next).labels({ n: 'new' }).inc(5);
    next.die();
    const page = await readerOf(copy).snapshot();
    expect([totalOn(page, 'kept'), valueOn(page, 'kept', ['new'])]).toEqual([1005, 5]);
    const names = fs.readFileSync(join(copy, 'worker-0.names'));
    expect(names.includes('x'.repeat(100))).toBe(false);
  }
});

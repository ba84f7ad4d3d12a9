import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { readerOf, valueOn } from './page.ts';

async function slotOf(child: ChildProcess): Promise<string> {
  const [message] = (await once(child, 'message')) as [{ slot: string }];
  return message.slot;
}

test('ten processes that start at the same moment get ten slots', { timeout: 60_000 }, async () => {
  // Two levels that nobody has made yet: the ten race for them too.
  const directory = join(temporaryDirectory(), 'not', 'yet');
  const at = Date.now() + 1500;
  const children = Array.from({ length: 10 }, () =>
    startFixture('starter.mjs', [String(at), 'stay'], { env: environment(directory) }),
  );
  const slots = await Promise.all(children.map(slotOf));
  expect(slots.toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `worker-${n}`));
  expect(valueOn(await readerOf(directory).snapshot(), 'starts')).toBe(10);
  await Promise.all(children.map(kill));
});

test('one start after the other takes the same slot, and counts on', { timeout: 900_000 }, async () => {
  const directory = temporaryDirectory();
  const starts = scale(12, 1000);
  const env = environment(directory);
  for (let i = 0; i < starts; i++) {
    const child = startFixture('starter.mjs', ['0'], { env });
    expect(await slotOf(child)).toBe('worker-0');
    // Half of them end by themselves.
    if (i % 2 === 0) await kill(child);
    else if (child.exitCode === null) await once(child, 'exit');
  }
  expect(valueOn(await readerOf(directory).snapshot(), 'starts')).toBe(starts);
  const files = readdirSync(directory).filter((file) => file.startsWith('worker'));
  expect(files.toSorted()).toEqual(['worker-0.cells', 'worker-0.names']);
  report('starts in sequence', { starts, slots: 1 });
});

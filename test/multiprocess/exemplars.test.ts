import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { kill, Recorder, temporaryDirectory } from './children.ts';

const DEFINITION = { name: 'wait_seconds', help: 'Wait.', buckets: [1] };

/** Which exemplars a process sees, whoever left them. */
async function seenBy(recorder: Recorder): Promise<unknown[]> {
  const { families } = await recorder.call<Snapshot>('snapshot');
  const exemplars = families.find(({ definition }) => definition.name === 'wait_seconds')?.exemplars ?? [];
  return exemplars.flat().map(({ place, labels }) => [place, labels['trace_id']]);
}

test('exemplars of all processes are on every page, also when their process was killed and another has its slot', async () => {
  const directory = temporaryDirectory();
  const [a, b] = await Promise.all([Recorder.start(directory), Recorder.start(directory)]);
  for (const recorder of [a, b]) await recorder.call('define', 'Histogram', DEFINITION);
  const observe = (recorder: Recorder, value: number, trace: string): Promise<unknown> =>
    recorder.call('record', 'wait_seconds', undefined, 'observe', [value, { labels: { trace_id: trace } }]);

  await observe(a, 0.5, 'a');
  await observe(b, 5, 'b');
  const both = [
    [0, 'a'],
    [1, 'b'],
  ];
  expect(await seenBy(a)).toEqual(both);
  await kill(a.process);
  expect(await seenBy(b)).toEqual(both);

  const heir = await Recorder.start(directory);
  await heir.call('define', 'Histogram', DEFINITION);
  expect(await seenBy(heir)).toEqual(both);
  await observe(heir, 0.7, 'heir');
  expect(await seenBy(b)).toEqual([
    [0, 'heir'],
    [1, 'b'],
  ]);
});

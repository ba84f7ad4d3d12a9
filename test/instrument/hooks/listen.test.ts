import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { listen } from '../../../src/instrument/hooks/listen.ts';

test('listeners hear events, never throw, and can be removed', () => {
  const emitter = new EventEmitter();
  const heard: unknown[] = [];
  const remove = listen(emitter, {
    acquire: (...args: unknown[]) => {
      heard.push(args);
      throw new Error('listener');
    },
  });
  emitter.emit('acquire', 1, 2);
  remove();
  emitter.emit('acquire', 3);
  expect(heard).toEqual([[1, 2]]);
  expect(emitter.eventNames()).toEqual([]);
});

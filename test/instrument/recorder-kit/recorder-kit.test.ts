import { describe, expect, test } from 'vitest';
import { MetricsError, Registry } from '../../../src/index.ts';
import { FamilyGroup, prefixed } from '../../../src/instrument/recorder-kit/family-group.ts';
import { Handles } from '../../../src/instrument/recorder-kit/handles.ts';
import { perRegistry } from '../../../src/instrument/recorder-kit/per-registry.ts';
import { Numbers } from '../../support/http-numbers.ts';

describe('perRegistry', () => {
  test('makes one recorder for each registry and name', () => {
    const registry = new Registry();
    const made: string[] = [];
    const make =
      (name: string) =>
      ({ namespace }: { namespace: string }) => {
        made.push(`${name} ${namespace}`);
        return {};
      };
    const caches = perRegistry<{ registry: Registry; namespace: string }, object>('cache', make('cache'));
    const jobs = perRegistry<{ registry: Registry; namespace: string }, object>('job', make('job'));
    const first = caches({ registry, namespace: 'a' });
    expect(caches({ registry, namespace: 'b' })).toBe(first);
    expect(jobs({ registry, namespace: 'c' })).not.toBe(first);
    expect(caches({ registry: new Registry(), namespace: 'd' })).not.toBe(first);
    expect(made).toEqual(['cache a', 'job c', 'cache d']);
  });

  test('tries again after one that could not be made', () => {
    const registry = new Registry();
    let fails = true;
    const of = perRegistry('any', () => {
      if (fails) throw new Error('not yet');
      return 'made';
    });
    expect(() => of({ registry })).toThrow('not yet');
    fails = false;
    expect(of({ registry })).toBe('made');
  });
});

describe('FamilyGroup', () => {
  test('prefixes names with the namespace and the group', async () => {
    const registry = new Registry();
    const place = { registry, namespace: 'shop' };
    const group = new FamilyGroup(place, 'cache', 1);
    const gets = group.counter('gets', 'Gets.', ['result']);
    gets.labels({ result: 'hit' }).inc();
    gets.labels({ result: 'miss' }).inc();
    group.gauge('entries', 'Entries.').set(3);
    group
      .histogram('wait_seconds', 'Wait.', ['kind'], { unit: 'seconds', buckets: [1] })
      .labels({ kind: 'a' })
      .observe(2);
    const page = await Numbers.of(registry);
    expect(page.value('shop_cache_gets', { result: 'hit' })).toBe(1);
    expect(page.labelValues('shop_cache_gets', 'result')).toEqual(['<overflow>', 'hit']);
    expect(page.value('shop_cache_entries')).toBe(3);
    expect(page.count('shop_cache_wait_seconds', { kind: 'a' })).toBe(1);
    expect([prefixed(place, 'x'), prefixed({}, 'x'), prefixed({ namespace: '' }, 'x')]).toEqual(['shop_x', 'x', 'x']);
  });

  test('throws for a name that another family has', () => {
    const registry = new Registry();
    new FamilyGroup({ registry }, 'cache').counter('gets', 'Gets.');
    expect(() => new FamilyGroup({ registry }, 'cache').gauge('gets_total', 'Others.')).toThrow(MetricsError);
  });
});

describe('Handles', () => {
  test('makes each once, and one for all that are past the limit', () => {
    const made: string[] = [];
    const handles = new Handles((value) => {
      made.push(value);
      return { value };
    }, 2);
    const a = handles.of('a');
    expect(handles.of('a')).toBe(a);
    expect(['a', 'b', 'c', 'd', 'b', 'c'].map((value) => handles.of(value).value)).toEqual([
      'a',
      'b',
      '<overflow>',
      '<overflow>',
      'b',
      '<overflow>',
    ]);
    expect(made).toEqual(['a', 'b', '<overflow>']);
    expect([handles.labelOf('b'), handles.labelOf('z')]).toEqual(['b', '<overflow>']);
    expect([...handles.all()].map(({ value }) => value)).toEqual(made);
  });
});

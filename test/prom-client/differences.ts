import type * as promClient from 'prom-client';

/** What prom-client's API looks like to both: the real one, and ours. */
export type Client = Omit<typeof promClient, 'default'>;

/** Something that differs from prom-client on purpose; the guide's table has a row for each. */
export interface Difference {
  readonly what: string;
  readonly theirs: string;
  readonly ours: string;
  readonly because: string;
  /** Does it with one of the two, and says what came of it: `theirs` or `ours`. */
  probe(client: Client): Promise<unknown>;
  readonly theirResult: unknown;
  readonly ourResult: unknown;
}

const help = 'Help.';

function lines(page: string): string[] {
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

export const differences: readonly Difference[] = [
  {
    what: '`counter.inc(NaN)`',
    theirs: 'is taken: the counter is NaN for ever',
    ours: 'throws the `TypeError` that other non-numbers get',
    because: 'one division by zero must not cost a counter its past',
    async probe(client) {
      const registry = new client.Registry();
      const counter = new client.Counter({ name: 'c', help, registers: [registry] });
      counter.inc(5);
      try {
        counter.inc(NaN);
      } catch {
        return (await counter.get()).values[0]!.value;
      }
      counter.inc();
      return (await counter.get()).values[0]!.value;
    },
    theirResult: NaN,
    ourResult: 5,
  },
  {
    what: "labels `{ a: 'x,b:y' }` and `{ a: 'x', b: 'y' }`",
    theirs: 'are one series (in @prometheus-io/client `1\\|2`, `3` and `1`, `2\\|3` are)',
    ours: 'are two',
    because: 'they are two label sets',
    async probe(client) {
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a', 'b'], registers: [] });
      counter.inc({ a: 'x,b:y,' });
      counter.inc({ a: 'x', b: 'y,' });
      return (await counter.get()).values.length;
    },
    theirResult: 1,
    ourResult: 2,
  },
  {
    what: 'a labels object that is changed after the call',
    theirs: 'renames the series',
    ours: 'changes nothing',
    because: 'a series is what it was counted as',
    async probe(client) {
      const registry = new client.Registry();
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a'], registers: [registry] });
      const labels = { a: 'x' };
      counter.inc(labels);
      labels.a = 'y';
      return lines(await registry.metrics());
    },
    theirResult: ['c{a="y"} 1'],
    ourResult: ['c{a="x"} 1'],
  },
  {
    what: 'a label that is empty, and one that is left out',
    theirs: 'are two series',
    ours: 'are one, shown without the label',
    because: 'Prometheus takes them for the same series, and drops the second of two alike',
    async probe(client) {
      const registry = new client.Registry();
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a', 'b'], registers: [registry] });
      counter.inc({ a: 'x' });
      counter.inc({ a: 'x', b: '' });
      return lines(await registry.metrics());
    },
    theirResult: ['c{a="x"} 1', 'c{a="x",b=""} 1'],
    ourResult: ['c{a="x"} 2'],
  },
  {
    what: 'not a number, as text',
    theirs: '`Nan`',
    ours: '`NaN`',
    because: 'the formats write it so',
    async probe(client) {
      const registry = new client.Registry();
      new client.Gauge({ name: 'g', help, registers: [registry] }).set(NaN);
      return lines(await registry.metrics());
    },
    theirResult: ['g Nan'],
    ourResult: ['g NaN'],
  },
  {
    what: 'series of a family in `register.metrics()`',
    theirs: 'in the order in which they came',
    ours: 'sorted by their label values',
    because: 'every process shows the same page; `metric.get()` and registries of your own keep the order',
    async probe(client) {
      client.register.clear();
      const counter = new client.Counter({ name: 'c', help, labelNames: ['a'] });
      counter.inc({ a: 'y' });
      counter.inc({ a: 'x' });
      const page = lines(await client.register.metrics());
      client.register.clear();
      return page;
    },
    theirResult: ['c{a="y"} 1', 'c{a="x"} 1'],
    ourResult: ['c{a="x"} 1', 'c{a="y"} 1'],
  },
  {
    what: 'buckets that do not ascend, or are given twice',
    theirs: 'count wrong',
    ours: 'are put in order',
    because: 'the order of an option should not change what it means',
    async probe(client) {
      const histogram = new client.Histogram({ name: 'h', help, buckets: [5, 1, 5], registers: [] });
      histogram.observe(0.5);
      return (await histogram.get()).values.filter(({ labels }) => labels.le !== undefined).map(({ value }) => value);
    },
    theirResult: [1, 1, 2, 1],
    ourResult: [1, 1, 1],
  },
  {
    what: 'label names that begin with `__`',
    theirs: 'are taken',
    ours: 'are refused, as other invalid ones are',
    because: 'Prometheus keeps them to itself and drops them when it scrapes',
    async probe(client) {
      try {
        new client.Counter({ name: 'c', help, labelNames: ['__a'], registers: [] });
        return 'taken';
      } catch (error) {
        return (error as Error).message;
      }
    },
    theirResult: 'taken',
    ourResult: 'At least one label name is invalid: __a',
  },
];

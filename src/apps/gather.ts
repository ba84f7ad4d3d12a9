import { toDefinition } from '../core/definition.ts';
import { type LabelSet, toLabelValue, wrongLabels } from '../core/labels.ts';
import { MetricsError } from '../errors.ts';
import { compareLabels } from '../snapshot/merge.ts';
import { shownName } from '../snapshot/names.ts';
import type { FamilyDefinition, FamilySnapshot, LabelValues } from '../snapshot/snapshot.ts';
import { sortInSlices, TimeSlice } from '../time-slice.ts';
import type { CheckedCollector, CollectedFamily, CollectedSample } from './collector.ts';

const MAX_FAMILIES = 1000;

interface Row {
  readonly labels: LabelValues;
  readonly value: number;
}

/**
 * Runs a collector and returns all of its families, checked and sorted. Checks `signal` between
 * families and samples, and stops once it is aborted.
 *
 * @throws whatever the collector throws; MetricsError for what no page can show.
 */
export async function gather(collector: CheckedCollector, signal: AbortSignal): Promise<readonly FamilySnapshot[]> {
  const given: unknown = await collector.collect({ signal });
  const slice = new TimeSlice();
  const families = new Map<string, FamilySnapshot>();
  let room = collector.maxSeries;
  for await (const item of iterable(given, 'collect must yield or return families')) {
    const family = await toSnapshot(item, room, slice, signal);
    const { name } = family.definition;
    if (families.has(name)) throw garbage(`${name} is given twice: give it once, with all of its samples`);
    if (families.size === MAX_FAMILIES) throw garbage(`there are more than ${MAX_FAMILIES} families`);
    families.set(name, family);
    room -= family.series.length;
  }
  return [...families.values()];
}

async function toSnapshot(item: unknown, room: number, slice: TimeSlice, signal: AbortSignal): Promise<FamilySnapshot> {
  const definition = definitionOf(item);
  const name = shownName(definition);
  const rows: Row[] = [];
  const seen = new Set<string>();
  const samples = iterable((item as CollectedFamily).samples, `${name}: samples must be a list`);
  for (const sample of samples as Iterable<unknown>) {
    if (rows.length === room) throw garbage(`there are too many series: maxSeries allows more`);
    const row = toRow(definition, name, sample);
    const key = JSON.stringify(row.labels);
    if (seen.has(key)) throw garbage(`${name} has two samples with the labels ${key.slice(0, 200)}`);
    seen.add(key);
    rows.push(row);
    if (slice.spent) await slice.rest();
    signal.throwIfAborted();
  }
  signal.throwIfAborted();
  const sorted = await sortInSlices(rows, (a, b) => compareLabels(a.labels, b.labels), slice);
  return {
    definition,
    series: sorted.map(({ labels }) => labels),
    values: Float64Array.from(sorted, ({ value }) => value),
  };
}

function definitionOf(item: unknown): FamilyDefinition {
  if (typeof item !== 'object' || item === null) throw garbage(`a family is an object, not ${kindOf(item)}`);
  const { name, help, type = 'gauge', unit, labelNames } = item as CollectedFamily;
  const options = { name, help, ...(unit !== undefined && { unit }), ...(labelNames !== undefined && { labelNames }) };
  if (type === 'counter') return toDefinition(type, options, '_total');
  if (type === 'gauge') return { ...toDefinition(type, options), aggregation: 'sum', liveOnly: true };
  throw garbage(`${name}: type must be gauge or counter`);
}

function toRow(definition: FamilyDefinition, name: string, sample: unknown): Row {
  if (typeof sample !== 'object' || sample === null)
    throw garbage(`${name}: a sample is an object, not ${kindOf(sample)}`);
  const { labels = {}, value } = sample as CollectedSample;
  const number = typeof value === 'bigint' ? Number(value) : value;
  const isCounter = definition.type === 'counter';
  if (typeof number !== 'number' || Number.isNaN(number) || (isCounter && !(number >= 0 && number < Infinity))) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_VALUE',
      `${name}: a sample's value is ${typeof value === 'number' ? value : kindOf(value)}: ` +
        (isCounter ? "a counter's is finite and not negative" : 'give a number, or leave the sample out'),
    );
  }
  return { labels: toLabelValues(definition, name, labels), value: number };
}

function toLabelValues({ labelNames }: FamilyDefinition, name: string, labels: LabelSet<string>): LabelValues {
  if (typeof labels !== 'object' || labels === null) throw wrongLabels(name, labelNames, {});
  if (Object.keys(labels).length !== labelNames.length || labelNames.some((label) => !Object.hasOwn(labels, label))) {
    throw wrongLabels(name, labelNames, labels);
  }
  return Object.freeze(labelNames.map((label) => toLabelValue(labels[label], label)));
}

/** Refuses strings: they are iterable, but always a mistake. */
function iterable(value: unknown, problem: string): Iterable<unknown> | AsyncIterable<unknown> {
  const usable =
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  if (usable) return value as Iterable<unknown>;
  throw garbage(`${problem}, not ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : value === undefined ? 'undefined' : `a ${typeof value}`;
}

function garbage(problem: string): MetricsError {
  return new MetricsError('ERR_METRICS_INVALID_OPTION', problem);
}

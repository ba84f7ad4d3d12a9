import type { ExemplarInput } from '../core/exemplars.ts';

/** An example of what a series counts, on OpenMetrics pages. */
export interface Exemplar {
  labelSet: Readonly<Record<string, string | number | undefined>>;
  value: number;
  /** In seconds of the Unix epoch. */
  timestamp: number;
}

const MAX_LENGTH = 128;

/**
 * @throws RangeError for names and values of more than 128 characters together, which OpenMetrics
 *   does not take.
 */
export function createExemplar(labelSet: Exemplar['labelSet'], value: number): Exemplar {
  let length = 0;
  for (const [name, text] of Object.entries(labelSet)) length += `${name}${text}`.length;
  if (length > MAX_LENGTH) throw new RangeError('Label set size must be smaller than 128 UTF-8 chars');
  return { labelSet, value, timestamp: Date.now() / 1000 };
}

const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * The same for the core, whose exemplars are on Promenade's page and shared by processes; none
 * where a label's name is none.
 */
export function toInput({ labelSet, timestamp }: Exemplar): ExemplarInput | undefined {
  const pairs = Object.entries(labelSet).filter(([, text]) => text !== undefined) as [string, string | number][];
  return pairs.every(([name]) => LABEL_NAME.test(name)) ? { labels: Object.fromEntries(pairs), timestamp } : undefined;
}

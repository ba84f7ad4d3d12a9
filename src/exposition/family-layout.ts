import { countOf, quantileOf } from '../snapshot/quantile.ts';
import { formatCanonicalBound } from './numbers.ts';
import { strideOf, type FamilyDefinition, type FamilySnapshot } from '../snapshot/snapshot.ts';

/** One of the lines that a series of a family is printed as. */
export interface SampleLine {
  /** What follows the family's name. */
  readonly suffix: string;
  /** The label that the line has beside the series' own. */
  readonly label?: readonly [name: string, value: string];
}

const SUM_AND_COUNT: readonly SampleLine[] = [{ suffix: '_sum' }, { suffix: '_count' }];

/** What a format decides about its lines. */
export interface LineStyle {
  /** Whether what only rises has a line that says since when it counts. */
  readonly createdSamples: boolean;
  /**
   * Whether a histogram has a sum where values can be negative and so make it fall; without it
   * there is no count either.
   */
  readonly sumsNegativeValues: boolean;
  /** Prints `le` and `quantile`. */
  formatBound(bound: number): string;
}

/**
 * The lines of one series, the same for each series of the family; {@link fillSamples} has their
 * values in the same order.
 */
export function sampleLines(definition: FamilyDefinition, style: LineStyle): SampleLine[] {
  const lines = valueLines(definition, style);
  return style.createdSamples && onlyRises(definition) && !definition.exactName
    ? [...lines, { suffix: '_created' }]
    : lines;
}

/** Whether a family's numbers count from a moment on. */
export function onlyRises({ type }: FamilyDefinition): boolean {
  return type === 'counter' || type === 'histogram' || type === 'summary';
}

function valueLines(definition: FamilyDefinition, style: LineStyle): SampleLine[] {
  switch (definition.type) {
    case 'counter':
      return [{ suffix: definition.exactName ? '' : '_total' }];
    case 'info':
      return [{ suffix: '_info' }];
    case 'histogram': {
      const bounds = [...definition.bounds!, Infinity];
      const formatBound = (bound: number): string =>
        definition.canonicalBounds ? formatCanonicalBound(bound) : style.formatBound(bound);
      const buckets = bounds.map((bound) => ({ suffix: '_bucket', label: ['le', formatBound(bound)] as const }));
      return bounds[0]! < 0 && !style.sumsNegativeValues ? buckets : [...buckets, ...SUM_AND_COUNT];
    }
    case 'summary':
      return [
        ...definition.quantiles!.map((quantile) => ({
          suffix: '',
          label: ['quantile', style.formatBound(quantile)] as const,
        })),
        ...SUM_AND_COUNT,
      ];
    case 'stateset':
      return definition.states!.map((state) => ({
        suffix: '',
        label: [definition.name, state] as const,
      }));
    default:
      return [{ suffix: '' }];
  }
}

/**
 * Writes the values of a series' lines, in the order of {@link sampleLines}, into `samples`; what
 * has no place there is left out.
 */
export function fillSamples(family: FamilySnapshot, index: number, samples: Float64Array): void {
  const { definition, values } = family;
  const stride = strideOf(definition);
  const start = index * stride;
  switch (definition.type) {
    case 'histogram': {
      const buckets = stride - 1;
      let count = 0;
      for (let i = 0; i < buckets; i++) samples[i] = count += values[start + 1 + i]!;
      samples[buckets] = values[start]!;
      samples[buckets + 1] = count;
      break;
    }
    case 'summary': {
      const sparse = family.sparse![index]!;
      const quantiles = definition.quantiles!;
      for (let i = 0; i < quantiles.length; i++) samples[i] = quantileOf(sparse, quantiles[i]!);
      samples[quantiles.length] = values[start]!;
      samples[quantiles.length + 1] = countOf(sparse);
      break;
    }
    case 'stateset':
      for (let i = 0; i < stride; i++) samples[i] = values[start + i]!;
      break;
    default:
      samples[0] = values[start]!;
  }
}

import type { FamilyDefinition, FamilySnapshot, LabelValues } from './snapshot.ts';

/**
 * A family's definition with the labels that it lacks, and how its series' values become those of
 * that definition.
 */
interface Labelled {
  readonly definition: FamilyDefinition;
  readonly toValues: (values: LabelValues) => LabelValues;
}

/**
 * Labels that every series gets that does not have them, or has them empty. What it gave once it
 * gives again, so that caches hold.
 */
export class DefaultLabels {
  readonly #labels: readonly (readonly [name: string, value: string])[];
  readonly #families: WeakMap<FamilyDefinition, Labelled> = new WeakMap();

  constructor(labels: Readonly<Record<string, string>>) {
    this.#labels = Object.entries(labels);
  }

  addTo(families: readonly FamilySnapshot[]): readonly FamilySnapshot[] {
    return families.map((family) => {
      const { definition, toValues } = this.#label(family.definition);
      return { ...family, definition, series: family.series.map(toValues) };
    });
  }

  #label(definition: FamilyDefinition): Labelled {
    let labelled = this.#families.get(definition);
    if (!labelled) this.#families.set(definition, (labelled = this.#make(definition)));
    return labelled;
  }

  #make(definition: FamilyDefinition): Labelled {
    const own = definition.labelNames;
    const taken = [
      definition.type === 'histogram' ? 'le' : definition.type === 'summary' ? 'quantile' : definition.name,
      ...own,
    ];
    const more = this.#labels.filter(([name]) => !taken.includes(name));
    const defaults = new Map(this.#labels);
    const known = new WeakMap<LabelValues, LabelValues>();
    return {
      definition: { ...definition, labelNames: [...own, ...more.map(([name]) => name)] },
      toValues: (values) => {
        let all = known.get(values);
        if (!all) {
          const filled = values.map((value, i) => value || (defaults.get(own[i]!) ?? ''));
          known.set(values, (all = Object.freeze([...filled, ...more.map(([, value]) => value)])));
        }
        return all;
      },
    };
  }
}

import type { LabelValues } from '../snapshot/snapshot.ts';
import { LABEL, METRIC } from './protobuf-fields.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';

/**
 * The labels of a family's series as they were written for one page, for the next ones until a
 * series comes or goes.
 */
export interface KeptLabels {
  readonly series: readonly LabelValues[];
  readonly labels: readonly Uint8Array[];
}

/** Writes the labels of a family's series, one series after the other. */
export class SeriesLabels {
  /** Set once there is no more room: labels that are not kept already will not be. */
  full = false;
  readonly #names: readonly string[];
  readonly #series: readonly LabelValues[];
  readonly #labels: Uint8Array[] | undefined;
  readonly #old: readonly Uint8Array[];

  /** `names` in their final form. */
  constructor(names: readonly string[], series: readonly LabelValues[], old: KeptLabels | undefined) {
    this.#names = names;
    this.#series = series;
    const same = old?.series === series;
    this.#old = same ? old.labels : [];
    this.#labels = same ? undefined : [];
  }

  /** How many bytes the labels of a series take at the most. */
  room(index: number): number {
    const kept = this.#old[index];
    if (kept) return kept.length;
    const labels = this.#series[index]!;
    return labels.reduce((sum, label, i) => sum + roomForLabel(this.#names[i]!, label), 0);
  }

  /** Returns how many bytes they took. */
  write(writer: ProtobufWriter, index: number): number {
    const kept = this.#old[index];
    const start = writer.size;
    if (kept) {
      writer.raw(kept);
    } else {
      const labels = this.#series[index]!;
      for (let i = 0; i < labels.length; i++) writeLabel(writer, METRIC.label, this.#names[i]!, labels[i]!);
      if (!this.full && this.#labels?.length === index) this.#labels.push(writer.copy(start));
    }
    return writer.size - start;
  }

  /** What the next page can take over, once all series have been written. */
  toKept(): KeptLabels {
    return { series: this.#series, labels: this.#labels ?? this.#old };
  }
}

/** How many bytes a label takes at the most. */
export function roomForLabel(name: string, value: string): number {
  return 3 * (name.length + value.length) + 16;
}

/** Writes one label: a metric's or an exemplar's, which is what `field` says. */
export function writeLabel(writer: ProtobufWriter, field: number, name: string, value: string): void {
  const label = writer.begin(field);
  writer.text(LABEL.name, name);
  writer.text(LABEL.value, value);
  writer.end(label);
}

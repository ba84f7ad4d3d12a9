import { sampleNames } from '../snapshot/names.ts';
import type { FamilyDefinition, Snapshot } from '../snapshot/snapshot.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { ProtobufFamily } from './protobuf-family.ts';
import type { KeptLabels } from './protobuf-labels.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** A chunk is handed over once it has this many bytes. */
const CHUNK_SIZE = 56 * 1024;
/** Bytes of labels that are kept for the next scrape; what comes after is made anew each time. */
const MAX_KEPT_SIZE = 32 * 1024 * 1024;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Renders snapshots as delimited `io.prometheus.client.MetricFamily` messages under one escaping
 * scheme.
 */
export class ProtobufRenderer {
  readonly #scheme: EscapingScheme;
  readonly #kept: WeakMap<FamilyDefinition, KeptLabels> = new WeakMap();

  constructor(scheme: EscapingScheme) {
    this.#scheme = scheme;
  }

  /**
   * The page in chunks of some 60 KB; of the families that the filter names, by theirs or a
   * sample's name, alone. A family is preceded by its length, so that a large one is held back
   * until it is whole: meanwhile there are empty chunks, for others to have their turn.
   */
  *render(snapshot: Snapshot, filter?: ReadonlySet<string>): Generator<Uint8Array, void, undefined> {
    const writer = new ProtobufWriter();
    let room = MAX_KEPT_SIZE;
    for (const snapshotFamily of snapshot.families) {
      const { definition, series } = snapshotFamily;
      // A family without metrics says nothing here, and Prometheus skips it.
      if (series.length === 0) continue;
      if (filter?.size && !sampleNames(definition).some((name) => filter.has(name))) continue;
      const { startTimestamp } = snapshot;
      const kept = this.#kept.get(definition);
      const family = new ProtobufFamily(snapshotFamily, { writer, scheme: this.#scheme, startTimestamp, kept });
      writer.beginDelimited();
      family.writeHead();
      for (let i = 0, pieces = 0; i < series.length; i++) {
        room -= family.writeSeries(i);
        family.labels.full = room < 0;
        if (writer.pieces > pieces) {
          pieces = writer.pieces;
          yield NOTHING;
        }
      }
      writer.endDelimited();
      this.#kept.set(definition, family.labels.toKept());
      if (writer.pieces > 0 || writer.size >= CHUNK_SIZE) yield* writer.take();
    }
    if (writer.size > 0) yield* writer.take();
  }
}

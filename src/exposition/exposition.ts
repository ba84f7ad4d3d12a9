import type { Snapshot } from '../snapshot/snapshot.ts';

/** A format that a page can be written in, as it was agreed with a scraper. */
export interface Exposition {
  /** The whole Content-Type header. */
  readonly contentType: string;
  readonly format: 'text' | 'openmetrics' | 'protobuf';
  /**
   * The page in chunks of some 60 KB, each made when it is asked for; a chunk costs well under a
   * millisecond. One can be empty: there is nothing to write yet, but others may have their turn.
   * `filter` (the `name[]` of a scrape) leaves the families that it names, by their name or one of
   * their samples'; empty or absent: all.
   */
  render(snapshot: Snapshot, filter?: ReadonlySet<string>): Iterable<string | Uint8Array>;
}

import { createHash } from 'node:crypto';
import type { Registry } from '../../core/registry.ts';

/** The location of a queue, which its name does not tell. */
export interface QueuePlace {
  /** Tells places apart, and is the same in every process. */
  readonly id: string;
  /** Longer names for a queue there, by preference. The last one belongs to this place alone. */
  longerNames(name: string): readonly string[];
}

/** Total time that a process waits for another one that is choosing the same name. */
const PATIENCE_MS = 50;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Gives queues their labels. Two queues of one name in different places (prefixes, databases) are
 * two queues: the first keeps the name, the other gets a longer one. The choice is posted in the
 * directory, so that all of its processes use the same label, and stays there with the counts.
 */
export class QueueNames {
  readonly #registry: Registry;
  /** By place and name. */
  readonly #labels: Map<string, Map<string, string>> = new Map();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  labelOf(name: string, place: QueuePlace): string {
    return this.#labels.get(place.id)?.get(name) ?? this.#choose(name, place);
  }

  #choose(name: string, place: QueuePlace): string {
    const longer = place.longerNames(name);
    const label = [name, ...longer].find((candidate) => this.#take(candidate, place.id)) ?? longer.at(-1) ?? name;
    let labels = this.#labels.get(place.id);
    if (labels === undefined) this.#labels.set(place.id, (labels = new Map()));
    labels.set(name, label);
    return label;
  }

  /** Returns true if the name belongs to this place, now or since earlier. */
  #take(label: string, place: string): boolean {
    const { board } = this.#registry.store;
    const note = `job-queue-name-${createHash('sha256').update(label).digest('hex').slice(0, 16)}`;
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const owner = board.read(note)?.text;
      if (owner !== undefined) return owner === place;
      const release = board.claim(note);
      if (release) {
        try {
          // Another process may have posted it between the two.
          const posted = board.read(note)?.text;
          if (posted === undefined) board.post(note, place);
          return posted === undefined || posted === place;
        } finally {
          release();
        }
      }
      if (performance.now() > deadline) return true;
      Atomics.wait(sleeper, 0, 0, 1);
    }
  }
}

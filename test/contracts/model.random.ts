import type { ModelOperations, ModelSubject } from './model.contract.ts';

/** What a library can tell, and is therefore to be mixed in. */
interface Mix {
  readonly upsert: boolean;
  readonly insertNested: boolean;
  readonly updateMany: boolean;
  readonly deleteMany: boolean;
  readonly rollback: boolean;
  /** How many operations there are to be. */
  readonly operations: number;
  readonly writers: number;
}

/** How many operations were called, and how many of them were refused by the database. */
interface Done {
  readonly operations: number;
  readonly refused: number;
}

/** Few, so that names are taken, and authors with books can't be deleted. */
const NAMES: readonly string[] = Array.from({ length: 60 }, (_, i) => `author ${i}`);

/**
 * Writes at random, from several sides at once, in transactions and out of them; the same at each
 * run but for the order in which they meet.
 */
export async function randomWrites(subject: ModelSubject, mix: Mix): Promise<Done> {
  let operations = 0;
  let refused = 0;

  async function one(target: ModelOperations, random: () => number): Promise<void> {
    const name = NAMES[Math.floor(random() * NAMES.length)]!;
    const from = Math.floor(random() * (NAMES.length - 5));
    const names = NAMES.slice(from, from + 1 + Math.floor(random() * 4));
    const score = Math.floor(random() * 100);
    operations++;
    const choice = random();
    if (choice < 0.3) await target.insert(name);
    else if (choice < 0.4) await target.insertMany(names);
    else if (choice < 0.55) await target.update(name, score);
    else if (choice < 0.65 && mix.updateMany) await target.updateMany(names, score);
    else if (choice < 0.75) await target.delete(name);
    else if (choice < 0.85 && mix.deleteMany) await target.deleteMany(names);
    else if (choice < 0.95 && mix.upsert) await target.upsert!(name, score);
    else if (choice > 0.995 && mix.insertNested) await target.insertNested!(name, ['notes', 'letters']);
    else await target.delete(name);
  }

  async function side(seed: number): Promise<void> {
    const random = generator(seed);
    while (operations < mix.operations) {
      const attempt =
        mix.rollback && random() < 0.1
          ? subject.transaction!(async (inside) => {
              for (let i = 0; i < 4; i++) await one(inside, random);
              if (random() < 0.5) throw new Error('changed my mind');
            })
          : one(subject, random);
      await attempt.catch(() => refused++);
    }
  }

  await Promise.all(Array.from({ length: mix.writers }, (_, i) => side(i + 1)));
  return { operations, refused };
}

/** mulberry32: small, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

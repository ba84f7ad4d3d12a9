import { debuglog } from 'node:util';
import { sampleNames } from '../../snapshot/names.ts';
import type { FamilySnapshot } from '../../snapshot/snapshot.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** Families that are counted elsewhere, and read when the page is: another library's registry. */
export interface FamilySource {
  /** What the self-metrics call it when it fails. */
  readonly name: string;
  read(): readonly FamilySnapshot[] | Promise<readonly FamilySnapshot[]>;
}

/**
 * Reads sources side by side, each for itself: one that throws or hangs is left out, and no one
 * waits for it.
 */
export class Sources {
  readonly #timeoutMs: number;
  readonly #failed: (source: string) => void;
  readonly #sources: Set<FamilySource> = new Set();

  constructor(timeoutMs: number, failed: (source: string) => void) {
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
  }

  /** Returns what removes it again. */
  add(source: FamilySource): () => void {
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  async read(): Promise<readonly FamilySnapshot[]> {
    if (this.#sources.size === 0) return [];
    const families = await Promise.all(Array.from(this.#sources, (source) => this.#readOne(source)));
    return families.flat();
  }

  async #readOne(source: FamilySource): Promise<readonly FamilySnapshot[]> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${this.#timeoutMs} ms`)), this.#timeoutMs);
    });
    try {
      return await Promise.race([source.read(), timeout]);
    } catch (error) {
      debug('the families of %s can not be read: %o', source.name, error);
      this.#failed(source.name);
      return [];
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Those of the families from elsewhere that share no name with the page's, nor with each other: of
 * two alike the first.
 */
export function withoutClashes(
  families: readonly FamilySnapshot[],
  page: readonly FamilySnapshot[],
): readonly FamilySnapshot[] {
  if (families.length === 0) return families;
  const taken = new Set(page.flatMap(({ definition }) => sampleNames(definition)));
  return families.filter(({ definition }) => {
    const names = sampleNames(definition);
    if (names.some((name) => taken.has(name))) return false;
    for (const name of names) taken.add(name);
    return true;
  });
}

/**
 * A text as it was read. The same object for as long as nobody posts another, so that it can key
 * caches.
 */
export interface Note {
  readonly text: string;
}

/**
 * What processes tell each other beside numbers: texts by name, each whole or not at all, that
 * outlive who posted them. Names consist of small letters, digits, `_`, `-` and `.`.
 */
export interface Board {
  /** Damaged texts that this process has put aside. */
  readonly damaged: number;
  /** The names under which there is something. */
  names(): readonly string[];
  /** `undefined` where there is nothing that can be read. */
  read(name: string): Note | undefined;
  /**
   * Puts a text in the place of an earlier one. Never throws: where it can't be shared, this
   * process alone has it.
   */
  post(name: string, text: string): void;
  /** Takes a text away, unless somebody works on it. Never throws. */
  remove(name: string): void;
  /**
   * The sole right to work on a text: returns what gives it back, or `undefined` while another has
   * it. It falls with its process, however that ends. Never waits.
   */
  claim(name: string): (() => void) | undefined;
}

/** A board for one process. */
export class HeapBoard implements Board {
  readonly damaged = 0;
  readonly #notes: Map<string, Note> = new Map();
  readonly #claimed: Set<string> = new Set();

  names(): readonly string[] {
    return [...this.#notes.keys()];
  }

  read(name: string): Note | undefined {
    return this.#notes.get(name);
  }

  post(name: string, text: string): void {
    this.#notes.set(name, { text });
  }

  remove(name: string): void {
    if (!this.#claimed.has(name)) this.#notes.delete(name);
  }

  claim(name: string): (() => void) | undefined {
    if (this.#claimed.has(name)) return undefined;
    this.#claimed.add(name);
    let held = true;
    return () => {
      if (held) this.#claimed.delete(name);
      held = false;
    };
  }
}

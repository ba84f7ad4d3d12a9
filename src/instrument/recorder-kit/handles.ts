/** The value that stands for all values past the limit. */
export const OVERFLOW = '<overflow>';

/**
 * Bound handles by the value of one label, each made when it is first needed: a series that exists
 * shows as zero. Looking one up allocates nothing.
 *
 * Past `limit` values the rest share the handle of `<overflow>`, so that a label that depends on
 * data stays bounded.
 */
export class Handles<H> {
  readonly #make: (value: string) => H;
  readonly #limit: number;
  readonly #handles: Map<string, H> = new Map();

  /**
   * @param make Binds the handle of a value.
   * @param limit How many values are told apart. @default 1000
   */
  constructor(make: (value: string) => H, limit: number = 1000) {
    this.#make = make;
    this.#limit = limit;
  }

  /** The handle of a value. */
  of(value: string): H {
    return this.#handles.get(value) ?? this.#add(this.labelOf(value));
  }

  /** The label for a value: the value itself, or `<overflow>` if it is new and past the limit. */
  labelOf(value: string): string {
    return this.#handles.has(value) || this.#handles.size < this.#limit ? value : OVERFLOW;
  }

  /** All handles that exist. */
  all(): Iterable<H> {
    return this.#handles.values();
  }

  #add(label: string): H {
    let handle = this.#handles.get(label);
    if (handle === undefined) this.#handles.set(label, (handle = this.#make(label)));
    return handle;
  }
}

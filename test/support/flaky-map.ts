/** A store that breaks when it is told to: from then on it throws. */
export class FlakyMap extends Map<string, unknown> {
  broken: boolean = false;

  override get(key: string): unknown {
    this.#check();
    return super.get(key);
  }

  override set(key: string, value: unknown): this {
    this.#check();
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#check();
    return super.delete(key);
  }

  override clear(): void {
    this.#check();
    super.clear();
  }

  #check(): void {
    if (this.broken) throw new Error('the store is down');
  }
}

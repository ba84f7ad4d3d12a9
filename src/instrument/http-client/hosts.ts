/** The label for every host that is not on the list. */
export const OTHER_HOST = '<other>';

/**
 * Which hosts have a label of their own: names (`api.example.com`), names with a port
 * (`localhost:9200`), and all subdomains of one (`*.example.com`, which is then the label).
 */
export class HostList {
  readonly #exact: Map<string, string> = new Map();
  /** Ends of names, with the dot, and their labels. */
  readonly #suffixes: (readonly [suffix: string, label: string])[] = [];

  constructor(hosts: readonly string[]) {
    for (const host of hosts) {
      const name = host.trim().toLowerCase();
      if (name.startsWith('*.')) this.#suffixes.push([name.slice(1), name]);
      else this.#exact.set(name, name);
    }
  }

  /**
   * @param name without a port, in lower case
   * @param port the real one, also where it is the default one
   */
  labelOf(name: string, port: number): string {
    return (
      this.#exact.get(name) ??
      this.#exact.get(`${name}:${port}`) ??
      this.#suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ??
      OTHER_HOST
    );
  }
}

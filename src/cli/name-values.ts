import { UsageError } from './command.ts';

/**
 * Parses the values of a repeatable option `name=value`.
 *
 * @throws UsageError for one without an equals sign, or a name that comes twice.
 */
export function nameValues(given: readonly string[] = [], option: string): Readonly<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const pair of given) {
    const [, name, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)=([^]*)$/.exec(pair) ?? [];
    if (name === undefined)
      throw new UsageError(`${option} takes a label's name and value, such as ${option}=site=zrh.`);
    if (Object.hasOwn(read, name)) throw new UsageError(`${option} names ${name} twice.`);
    read[name] = value!;
  }
  return read;
}

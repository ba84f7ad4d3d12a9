import { closestName } from './closest-name.ts';
import type { Environment } from './environment.ts';

/**
 * True if a value looks like what Kubernetes or Docker writes into `<SERVICE>_PORT` for a service
 * of that name: `tcp://10.0.0.1:9090`.
 */
export function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//i.test(value.trim());
}

/** The other variables of a service link. */
const LINK_NAME = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/;

const PREFIX = /^(METRICS|PROMENADE)_/;

/**
 * Returns a line for each variable that is set, means nothing to us, and has nearly the name of one
 * of `known`: `METRICS_ENABELD (did you mean METRICS_ENABLED?)`. The environment is shared with
 * other programs, so all other unknown variables are left alone.
 *
 * @param known Spellings by setting, the one to suggest first.
 */
export function nearMisses(environment: Environment, known: readonly (readonly string[])[]): string[] {
  const all = new Set(known.flat());
  return Object.keys(environment).flatMap((name) => {
    const [prefix] = PREFIX.exec(name) ?? [];
    const value = environment[name]?.trim() ?? '';
    if (prefix === undefined || all.has(name) || value === '') return [];
    if (LINK_NAME.test(name) || isServiceLink(value)) return [];
    const rest = name.slice(prefix.length);
    // Short names are near to many a word: one edit, and a whole third only of longer ones.
    const nearest = closestName(
      rest,
      [...all].map((spelling) => spelling.replace(/^[A-Z]+_/, '')),
      Math.max(1, Math.floor(rest.length / 3) - 1),
    );
    if (nearest === undefined) return [];
    const spellings = known.find((ones) => ones.some((spelling) => spelling.endsWith(`_${nearest}`)))!;
    const meant = spellings.find((spelling) => spelling === prefix + nearest) ?? spellings[0]!;
    return [`${name} (did you mean ${meant}?)`];
  });
}

/**
 * Returns the candidate that `name` was probably meant to be, for "did you mean" in messages.
 * Letters are compared without case.
 *
 * @param limit The number of edits (a letter more, less or other, or two swapped) up to which a
 *   candidate is near enough.
 * @default a third of the name, at least 2
 */
export function closestName(
  name: string,
  candidates: Iterable<string>,
  limit: number = Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  let closest: string | undefined;
  let least = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [closest, least] = [candidate, distance];
  }
  return closest;
}

/** Levenshtein's distance, with a swap of two neighbours as one edit. Keeps three rows. */
function editDistance(a: string, b: string): number {
  let [twoAbove, above] = [[] as number[], Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substituted = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped =
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? (twoAbove[column - 2] ?? Infinity) + 1
          : Infinity;
      current.push(Math.min(substituted, swapped, above[column]! + 1, current[column - 1]! + 1));
    }
    [twoAbove, above] = [above, current];
  }
  return above[b.length]!;
}

import { expect } from 'vitest';

/**
 * Fails where a text page has a series, or a family, twice, or lines of one family apart from each
 * other. promtool and Python's text parser let such pages pass; Prometheus drops the second sample.
 */
export function expectNoDuplicates(page: string): void {
  const lines = page.split('\n');
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const series = samples.map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(repeated(series)).toEqual([]);
  const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]!);
  expect(repeated(types)).toEqual([]);
  // Each sample belongs to the family whose TYPE was last: its name begins with the family's.
  let family = '';
  const strays = lines.filter((line) => {
    if (line.startsWith('# TYPE ')) family = line.split(' ')[2]!;
    return line !== '' && !line.startsWith('#') && !line.startsWith(family);
  });
  expect(strays).toEqual([]);
}

function repeated(items: readonly string[]): string[] {
  const seen = new Set<string>();
  return items.filter((item) => seen.size === seen.add(item).size);
}

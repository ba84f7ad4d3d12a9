import type { Inspection, InspectedSlot } from './inspection.ts';
import { plural } from './plural.ts';
import { table } from './table.ts';

/** Escape codes of terminals. */
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Formats an inspection in columns, for people. */
export function showInspection(inspection: Inspection, familyLimit: number, colours: boolean): string {
  const { directory, started, bytes, space, slots, families, files } = inspection;
  const paint = (style: keyof typeof STYLES, text: string): string =>
    colours ? `\u001B[${STYLES[style]}m${text}\u001B[0m` : text;
  const bold = (title: string): string => paint('bold', title);
  const live = slots.filter(({ state }) => state === 'live').length;
  const lines = [
    bold(directory),
    started === null ? 'does not say since when it counts' : `counts since ${shortTime(started)}`,
    `${plural(slots.length, 'slot')}, ${live} of them live; ${size(bytes)} of files, ${size(space.freeBytes)} free`,
  ];
  if (slots.length > 0) {
    const rows = slots.map((slot) => [slot.name, slot.state, ...slotColumns(slot)]);
    const title = ['slot', 'state', 'pid', 'owners', 'since', 'families', 'series', 'cells used', 'of', 'bytes'];
    const painted = { live: 'green', dead: 'dim', damaged: 'red', unreadable: 'red', foreign: 'yellow' } as const;
    const body = table([title, ...rows], 'llrrlrrrrr');
    lines.push(
      '',
      bold(body[0]!),
      ...slots.map(({ state }, i) => body[i + 1]!.replace(state, paint(painted[state], state))),
    );
    for (const { name, notes } of slots) lines.push(...notes.map((note) => paint('yellow', `${name}: ${note}`)));
  }
  const shown = families.slice(0, familyLimit);
  if (shown.length > 0) {
    const rows = shown.map((one) => [one.name, one.type, String(one.series), size(one.bytes), String(one.slots)]);
    const [title, ...body] = table([['largest families', 'type', 'series', 'bytes', 'slots'], ...rows], 'llrrr');
    lines.push('', bold(title!), ...body);
    if (families.length > shown.length)
      lines.push(`and ${families.length - shown.length} more: --families=${families.length}`);
  }
  const past = families.filter(({ overflowed }) => overflowed > 0);
  if (past.length > 0)
    lines.push(
      '',
      bold('past their limit of series'),
      ...past.map(({ name, overflowed }) => `${name} in ${plural(overflowed, 'slot')}`),
    );
  if (files.length > 0) {
    const [title, ...body] = table(
      [['other files', 'kind', 'bytes'], ...files.map((file) => [file.name, file.kind, size(file.bytes)])],
      'llr',
    );
    lines.push('', bold(title!), ...body.map((line, i) => (files[i]!.kind === 'damaged' ? paint('red', line) : line)));
  }
  if (inspection.damaged) lines.push('', paint('red', 'Something is damaged; docs/guide/cli.md says what to do.'));
  return `${lines.join('\n')}\n`;
}

function slotColumns({ pid, generation, started, families, series, cells, bytes }: InspectedSlot): string[] {
  const known = (value: number | null): string => (value === null ? '-' : String(value));
  return [
    known(pid),
    known(generation),
    started === null ? '-' : shortTime(started),
    String(families),
    String(series),
    String(cells.used),
    String(cells.allocated),
    size(bytes.names + bytes.cells + bytes.exemplars),
  ];
}

function shortTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}

/** Formats bytes in a unit that needs few digits. */
function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * Aligns rows in columns.
 *
 * @param alignment a letter a column: `l` or `r`
 */
export function table(rows: readonly (readonly string[])[], alignment: string): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        alignment[column] === 'r' ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

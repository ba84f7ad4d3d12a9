import { parse } from 'csv-parse/sync';
import { RequestError } from '../resource/errors.ts';
import type { JobDefinition } from './job.ts';

const maxRows = 10_000;
const maxProblems = 20;

/**
 * Adds a device for each line. Reports and skips a line that can't be added, so a file can be
 * imported again.
 */
export const importDevices: JobDefinition = {
  name: 'import-devices',
  label: 'Import devices',
  input: 'CSV with a heading: name, site (its id), and any other fields of a device.',
  async run(input, { repositories }) {
    const devices = repositories.find(({ resource }) => resource.model.name === 'device')!;
    const rows = rowsOf(input);
    let added = 0;
    const problems: string[] = [];
    for (const [index, row] of rows.entries()) {
      try {
        await devices.create(row);
        added++;
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        // The heading is line 1.
        if (problems.length < maxProblems) problems.push(`line ${index + 2}: ${explain(error)}`);
      }
    }
    return { lines: rows.length, added, refused: rows.length - added, problems };
  },
};

function rowsOf(csv: string): Record<string, unknown>[] {
  try {
    const rows = parse<Record<string, string>>(csv, { columns: true, bom: true, trim: true, skip_empty_lines: true });
    if (rows.length > maxRows) throw new Error(`more than ${maxRows} lines`);
    return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== '')));
  } catch (error) {
    throw new RequestError(400, `The CSV can't be read: ${(error as Error).message}`);
  }
}

function explain({ fields, message }: RequestError): string {
  const all = Object.entries(fields ?? {}).map(([name, messages]) => `${name}: ${messages.join(' ')}`);
  return all.length > 0 ? all.join('; ') : message;
}

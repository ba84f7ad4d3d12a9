import type { Queryable, Row } from '../../database/database.ts';
import type { FieldErrors, Model } from '../../resource/model.ts';

/** A rack that devices are mounted in. */
export const rack: Model = {
  name: 'rack',
  plural: 'racks',
  label: 'Rack',
  pluralLabel: 'Racks',
  display: 'name',
  search: ['name', 'serial', 'description'],
  fields: [
    { name: 'site', label: 'Site', type: 'reference', to: 'site', required: true, listed: true },
    { name: 'name', label: 'Name', type: 'text', required: true, maxLength: 100, listed: true },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      choices: ['active', 'planned', 'reserved', 'available', 'deprecated'],
      default: 'active',
      listed: true,
    },
    { name: 'u_height', label: 'Height (U)', type: 'integer', min: 1, max: 100, default: 42, listed: true },
    { name: 'serial', label: 'Serial number', type: 'text', maxLength: 50, listed: true },
    { name: 'description', label: 'Description', type: 'text', maxLength: 200 },
  ],
  check: keepsDevices,
  panel: async (row, db) => ({ template: 'rack-elevation', data: { units: await elevation(row, db) } }),
};

/** Refuses to move a rack with devices to another site, or to shrink it below them. */
async function keepsDevices(row: Row, id: number | undefined, db: Queryable): Promise<FieldErrors> {
  if (id === undefined) return {};
  const devices = await db
    .selectFrom('device')
    .select(({ eb, fn }) => [
      fn.max(eb('position', '+', eb(eb.ref('u_height'), '-', 1))).as('top'),
      fn.sum(eb.case().when('site_id', '<>', row['site_id']!).then(1).else(0).end()).as('elsewhere'),
    ])
    .where('rack_id', '=', id)
    .executeTakeFirst();
  const errors: FieldErrors = {};
  if (Number(devices?.['elsewhere'])) errors['site'] = ['Devices of the present site still stand in this rack.'];
  if (Number(devices?.['top']) > Number(row['u_height'])) {
    errors['u_height'] = [`Devices reach up to U${devices?.['top']}.`];
  }
  return errors;
}

/** One line of a rack's drawing. */
interface Unit {
  readonly number: number;
  /** The device that begins in this unit. */
  readonly device?: Row;
  /** Covered by a device that was drawn above. */
  readonly covered: boolean;
}

/** The rack's units from top to bottom. */
async function elevation(rackRow: Row, db: Queryable): Promise<Unit[]> {
  const devices = await db
    .selectFrom('device')
    .select(['id', 'name', 'role', 'status', 'position', 'u_height'])
    .where('rack_id', '=', rackRow['id']!)
    .where('position', 'is not', null)
    .execute();
  return Array.from({ length: Number(rackRow['u_height']) }, (_, index) => {
    const number = Number(rackRow['u_height']) - index;
    const device = devices.find((row) => number >= Number(row['position']) && number <= topOf(row));
    if (!device) return { number, covered: false };
    return topOf(device) === number ? { number, device, covered: false } : { number, covered: true };
  });
}

function topOf(device: Row): number {
  return Number(device['position']) + Number(device['u_height']) - 1;
}

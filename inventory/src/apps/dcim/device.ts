import type { Queryable, Row } from '../../database/database.ts';
import type { FieldErrors, Model } from '../../resource/model.ts';

/** A piece of equipment at a site, mounted in a rack or not. */
export const device: Model = {
  name: 'device',
  plural: 'devices',
  label: 'Device',
  pluralLabel: 'Devices',
  display: 'name',
  search: ['name', 'manufacturer', 'model', 'serial', 'description'],
  fields: [
    { name: 'name', label: 'Name', type: 'text', required: true, maxLength: 64, listed: true },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      choices: ['active', 'planned', 'staged', 'failed', 'offline', 'decommissioning'],
      default: 'active',
      listed: true,
    },
    {
      name: 'role',
      label: 'Role',
      type: 'choice',
      choices: ['server', 'switch', 'router', 'firewall', 'storage', 'pdu', 'other'],
      default: 'server',
      listed: true,
    },
    { name: 'site', label: 'Site', type: 'reference', to: 'site', required: true, listed: true },
    { name: 'rack', label: 'Rack', type: 'reference', to: 'rack', listed: true, help: 'Must be at the same site.' },
    { name: 'position', label: 'Position (U)', type: 'integer', min: 1, max: 100, help: 'The lowest unit it takes.' },
    { name: 'u_height', label: 'Height (U)', type: 'integer', min: 1, max: 50, default: 1 },
    { name: 'manufacturer', label: 'Manufacturer', type: 'text', maxLength: 100, listed: true },
    { name: 'model', label: 'Model', type: 'text', maxLength: 100, listed: true },
    { name: 'serial', label: 'Serial number', type: 'text', maxLength: 50 },
    { name: 'description', label: 'Description', type: 'text', maxLength: 200 },
  ],
  check: fitsIntoRack,
};

/** Checks that the rack stands at the device's site and that no two devices share a unit. */
async function fitsIntoRack(row: Row, id: number | undefined, db: Queryable): Promise<FieldErrors> {
  if (row['rack_id'] === null) return row['position'] === null ? {} : { position: ['Needs a rack.'] };
  const rack = await db
    .selectFrom('rack')
    .select(['site_id', 'u_height'])
    .where('id', '=', row['rack_id']!)
    .executeTakeFirst();
  if (rack?.['site_id'] !== row['site_id']) return { rack: ['This rack stands at another site.'] };
  if (row['position'] === null) return {};
  const lowest = Number(row['position']);
  const highest = lowest + Number(row['u_height']) - 1;
  if (highest > Number(rack?.['u_height'])) return { position: [`The rack has only ${rack?.['u_height']} units.`] };
  const other = await db
    .selectFrom('device')
    .select('name')
    .where('rack_id', '=', row['rack_id']!)
    .where('id', '<>', id ?? 0)
    .where('position', '<=', highest)
    .where((eb) => eb(eb('position', '+', eb.ref('u_height')), '>', lowest))
    .executeTakeFirst();
  return other ? { position: [`${other['name']} is mounted there.`] } : {};
}

import type { Queryable, Row } from '../../database/database.ts';
import { isWithin } from '../../resource/ip.ts';
import type { FieldErrors, Model } from '../../resource/model.ts';

/** An address, in a network and on a device or not. */
export const address: Model = {
  name: 'address',
  plural: 'addresses',
  label: 'Address',
  pluralLabel: 'Addresses',
  display: 'address',
  search: ['address', 'dns_name', 'description'],
  fields: [
    { name: 'address', label: 'Address', type: 'address', listed: true, help: 'With its mask, such as 10.0.0.1/24.' },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      choices: ['active', 'reserved', 'deprecated', 'dhcp', 'slaac'],
      default: 'active',
      listed: true,
    },
    { name: 'prefix', label: 'Prefix', type: 'reference', to: 'prefix', listed: true },
    { name: 'device', label: 'Device', type: 'reference', to: 'device', listed: true },
    { name: 'dns_name', label: 'DNS name', type: 'text', maxLength: 255, listed: true },
    { name: 'description', label: 'Description', type: 'text', maxLength: 200 },
  ],
  check: liesInPrefix,
};

async function liesInPrefix(row: Row, _id: number | undefined, db: Queryable): Promise<FieldErrors> {
  if (row['prefix_id'] === null) return {};
  const network = await db.selectFrom('prefix').select('prefix').where('id', '=', row['prefix_id']!).executeTakeFirst();
  if (isWithin(String(row['address']), String(network?.['prefix']))) return {};
  return { prefix: [`The address is not within ${network?.['prefix']}.`] };
}

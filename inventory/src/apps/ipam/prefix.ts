import type { Queryable, Row } from '../../database/database.ts';
import { parseCidr } from '../../resource/ip.ts';
import type { FieldErrors, Model } from '../../resource/model.ts';

/** A network. */
export const prefix: Model = {
  name: 'prefix',
  plural: 'prefixes',
  label: 'Prefix',
  pluralLabel: 'Prefixes',
  display: 'prefix',
  search: ['prefix', 'description'],
  fields: [
    { name: 'prefix', label: 'Prefix', type: 'network', listed: true, help: 'Such as 10.0.0.0/24 or 2001:db8::/64.' },
    { name: 'site', label: 'Site', type: 'reference', to: 'site', listed: true },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      choices: ['active', 'container', 'reserved', 'deprecated'],
      default: 'active',
      listed: true,
    },
    {
      name: 'role',
      label: 'Role',
      type: 'choice',
      choices: ['access', 'management', 'server', 'transit', 'loopback', 'other'],
      default: 'other',
      listed: true,
    },
    { name: 'vlan', label: 'VLAN', type: 'integer', min: 1, max: 4094, listed: true },
    { name: 'description', label: 'Description', type: 'text', maxLength: 200, listed: true },
  ],
  check: keepsAddresses,
  panel: async (row, db) => ({ template: 'prefix-utilisation', data: await utilisation(row, db) }),
};

/** Refuses to change a network that has addresses. */
async function keepsAddresses(row: Row, id: number | undefined, db: Queryable): Promise<FieldErrors> {
  if (id === undefined) return {};
  const old = await db.selectFrom('prefix').select('prefix').where('id', '=', id).executeTakeFirst();
  if (old?.['prefix'] === row['prefix']) return {};
  const addresses = await countAddresses(id, db);
  if (addresses === 0) return {};
  return { prefix: [`Can't change while addresses (${addresses}) belong to it.`] };
}

async function utilisation(row: Row, db: Queryable): Promise<{ used: number; size: number; percent: number }> {
  const used = await countAddresses(Number(row['id']), db);
  const size = parseCidr(String(row['prefix']))?.size ?? 1;
  return { used, size, percent: Math.min(100, (100 * used) / size) };
}

async function countAddresses(prefixId: number, db: Queryable): Promise<number> {
  const counted = await db
    .selectFrom('address')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('prefix_id', '=', prefixId)
    .executeTakeFirst();
  return Number(counted?.['count']);
}

import { sql } from 'kysely';
import { parseCidr } from '../resource/ip.ts';
import type { Database, Queryable, Row } from './database.ts';

/** One fixed time for all seeded objects, so that two databases are equal. */
const seededAt = '2026-01-01T00:00:00.000Z';
const rowsPerStatement = 50;

const regions: Readonly<Record<string, readonly string[]>> = {
  Europe: ['Amsterdam', 'Berlin', 'Copenhagen', 'Dublin', 'Frankfurt', 'Lisbon', 'London', 'Madrid', 'Milan', 'Paris'],
  'North America': ['Ashburn', 'Atlanta', 'Chicago', 'Dallas', 'Denver', 'Miami', 'Montreal', 'Phoenix', 'Seattle'],
  'Asia Pacific': ['Bangalore', 'Hong Kong', 'Jakarta', 'Osaka', 'Seoul', 'Singapore', 'Sydney', 'Taipei', 'Tokyo'],
  'South America': ['Bogota', 'Lima', 'Rio de Janeiro', 'Santiago', 'Sao Paulo'],
  Africa: ['Cairo', 'Cape Town', 'Johannesburg', 'Lagos', 'Nairobi'],
};

/** The devices of each rack, from the top down. */
const equipment = [
  { role: 'switch', code: 'sw', manufacturer: 'Arista', model: '7050X4', height: 1, perRack: 2 },
  { role: 'firewall', code: 'fw', manufacturer: 'Juniper', model: 'SRX1600', height: 1, perRack: 1 },
  { role: 'server', code: 'srv', manufacturer: 'Dell', model: 'PowerEdge R760', height: 2, perRack: 3 },
  { role: 'storage', code: 'nas', manufacturer: 'NetApp', model: 'AFF A400', height: 4, perRack: 1 },
] as const;

const racksPerSite = 5;
const rackHeight = 42;

/** Fills an empty database with 38 sites and their 4,700 objects, the same every time. */
export async function seed(db: Queryable, system: Database['system']): Promise<void> {
  const tables: Record<'site' | 'rack' | 'device' | 'prefix' | 'address', Row[]> = {
    site: [],
    rack: [],
    device: [],
    prefix: [],
    address: [],
  };
  const random = createRandom(2026);
  const add = (table: keyof typeof tables, row: Row): number => {
    const id = tables[table].length + 1;
    tables[table].push({ id, ...row, description: row['description'] ?? '', created: seededAt, updated: seededAt });
    return id;
  };

  for (const [region, cities] of Object.entries(regions)) {
    for (const city of cities) addSite(region, city, add, random);
  }
  for (const [table, rows] of Object.entries(tables)) {
    await insert(db, table, rows);
    // Rows with explicit ids do not advance PostgreSQL's sequence.
    if (system === 'postgresql') {
      await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${rows.length})`.execute(db);
    }
  }
}

type Add = (table: 'site' | 'rack' | 'device' | 'prefix' | 'address', row: Row) => number;

function addSite(region: string, city: string, add: Add, random: () => number): void {
  const slug = city.toLowerCase().replaceAll(' ', '-');
  const code = slug.replaceAll('-', '').slice(0, 4);
  const status = random() < 0.85 ? 'active' : pick(['planned', 'staging', 'decommissioning'], random);
  const facility = `${code.toUpperCase()}${1 + Math.floor(random() * 4)}`;
  const site = add('site', { name: city, slug, status, region, facility, description: `Data centre in ${city}` });

  const octet = site;
  const container = { site_id: site, status: 'container', role: 'other', vlan: null };
  add('prefix', { ...network(`10.${octet}.0.0/16`), ...container, description: `All of ${city}` });
  add('prefix', { ...network(`2001:db8:${octet.toString(16)}::/48`), ...container, description: `All of ${city}` });
  const access = { site_id: site, status: 'active', role: 'access', vlan: 900 };
  add('prefix', { ...network(`10.${octet}.200.0/22`), ...access, description: 'Offices' });

  for (let index = 1; index <= racksPerSite; index++) addRack({ site, code, octet }, index, add, random);
}

function addRack(
  at: { site: number; code: string; octet: number },
  index: number,
  add: Add,
  random: () => number,
): void {
  const { site, code, octet } = at;
  const name = `${code.toUpperCase()}-R${String(index).padStart(2, '0')}`;
  const serial = `RK${String(Math.floor(random() * 1e6)).padStart(6, '0')}`;
  const rack = add('rack', { site_id: site, name, status: 'active', u_height: rackHeight, serial });
  const common = { site_id: site, status: 'active', vlan: 100 + index };
  const server = add('prefix', {
    ...network(`10.${octet}.${index}.0/24`),
    ...common,
    role: 'server',
    description: name,
  });
  const management = add('prefix', {
    ...network(`10.${octet}.${100 + index}.0/24`),
    ...common,
    vlan: 500 + index,
    role: 'management',
    description: `${name} management`,
  });

  let top = rackHeight;
  let host = 10;
  for (const { role, code: kind, manufacturer, model, height, perRack } of equipment) {
    for (let number = 1; number <= perRack; number++) {
      const position = top - height + 1;
      top = position - 1 - (random() < 0.3 ? 1 : 0);
      const device = add('device', {
        name: `${code}-r${index}-${kind}${number}`,
        status: random() < 0.93 ? 'active' : pick(['planned', 'staged', 'failed', 'offline'], random),
        role,
        site_id: site,
        rack_id: rack,
        position,
        u_height: height,
        manufacturer,
        model,
        serial: Math.floor(random() * 36 ** 8)
          .toString(36)
          .toUpperCase()
          .padStart(8, '0'),
      });
      const dnsName = `${kind}${number}.r${index}.${code}.example.net`;
      const both = { status: 'active', device_id: device };
      add('address', { ...address(`10.${octet}.${index}.${host}/24`), prefix_id: server, dns_name: dnsName, ...both });
      add('address', {
        ...address(`10.${octet}.${100 + index}.${host}/24`),
        prefix_id: management,
        dns_name: `mgmt-${dnsName}`,
        ...both,
      });
      host++;
    }
  }
}

function network(text: string): Row {
  return { prefix: text, prefix_order: orderOf(text) };
}

function address(text: string): Row {
  return { address: text, address_order: orderOf(text) };
}

function orderOf(text: string): string {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`The seed has a wrong address: ${text}`);
  return cidr.order;
}

async function insert(db: Queryable, table: string, rows: readonly Row[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    await db
      .insertInto(table)
      .values(rows.slice(start, start + rowsPerStatement))
      .execute();
  }
}

function pick<T>(choices: readonly T[], random: () => number): T {
  return choices[Math.floor(random() * choices.length)]!;
}

/** Returns a generator of uniform numbers in [0, 1): mulberry32, repeatable for a seed. */
function createRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

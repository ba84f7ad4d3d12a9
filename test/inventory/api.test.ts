import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, mariadb, postgres, type TestDatabase } from '../support/servers.ts';
import { type Inventory, startInventory, startTimeoutMs, token } from './start-inventory.ts';

/** One new object of each kind, and a change to it. */
const kinds = [
  { path: '/api/dcim/sites', made: { name: 'Reykjavik' }, change: { status: 'planned' }, display: 'Reykjavik' },
  { path: '/api/dcim/racks', made: { name: 'New rack', site: 1 }, change: { u_height: 48 }, display: 'New rack' },
  {
    path: '/api/dcim/devices',
    made: { name: 'new', site: 1, rack: 1, position: 1 },
    change: { role: 'router' },
    display: 'new',
  },
  {
    path: '/api/ipam/prefixes',
    made: { prefix: '192.0.2.0/24', site: 1 },
    change: { vlan: 7 },
    display: '192.0.2.0/24',
  },
  {
    path: '/api/ipam/addresses',
    made: { address: '198.51.100.1/24', device: 1 },
    change: { dns_name: 'a.example' },
    display: '198.51.100.1/24',
  },
];

const servers: Readonly<Record<string, DatabaseServer | undefined>> = {
  SQLite: undefined,
  PostgreSQL: await postgres(),
  MariaDB: await mariadb(),
};

describe.each(Object.entries(servers))('on %s', (_system, server) => {
  describe.skipIf(server?.missing)('the API', () => {
    let database: TestDatabase | undefined;
    let inventory: Inventory;

    beforeAll(async () => {
      database = await server?.createDatabase();
      inventory = await startInventory(database && { DATABASE_URL: database.url });
    }, startTimeoutMs);
    afterAll(async () => {
      await inventory.stop();
      await database?.drop();
    });

    describe.each(kinds)('$path', ({ path, made, change, display }) => {
      it('makes, shows, lists, changes and deletes an object', async () => {
        const created = await inventory.api('POST', path, made);
        expect(created.status).toBe(201);
        expect(created.json.display).toBe(display);
        expect(created.headers.get('location')).toBe(created.json.url);
        const own = new URL(created.json.url).pathname;

        const shown = await inventory.api('GET', own);
        expect(shown.status).toBe(200);
        expect(shown.json).toEqual(created.json);

        const found = await inventory.api('GET', `${path}?q=${encodeURIComponent(display)}`);
        expect(found.json.results).toEqual([created.json]);

        const changed = await inventory.api('PATCH', own, change);
        expect(changed.status).toBe(200);
        expect(changed.json).toEqual({ ...created.json, ...change, updated: changed.json.updated });

        const named = { authorization: `Token ${token}`, 'content-type': 'application/json' };
        expect((await inventory.api('DELETE', own, undefined, named)).status).toBe(204);
        expect((await inventory.api('GET', own)).status).toBe(404);
        expect((await inventory.api('DELETE', own)).json).toEqual({ detail: 'Not found.' });
      });

      it('takes back what it shows', async () => {
        const { json } = await inventory.api('GET', `${path}/2`);
        const changed = await inventory.api('PATCH', `${path}/2`, json);
        expect(changed.status).toBe(200);
        expect(changed.json).toEqual({ ...json, updated: changed.json.updated });
      });

      it('pages through all objects once', async () => {
        const ids: number[] = [];
        let url: string | null = `${inventory.origin}${path}?limit=1000`;
        let count = 0;
        while (url) {
          const page = (await (await fetch(url)).json()) as { count: number; next: string; results: { id: number }[] };
          ids.push(...page.results.map((object) => object.id));
          ({ count, next: url } = page);
        }
        expect(count).toBeGreaterThan(30);
        expect(new Set(ids).size).toBe(count);
        expect(ids.length).toBe(count);
      });

      it('refuses writes without the token or with another one', async () => {
        for (const [method, own] of [
          ['POST', path],
          ['PATCH', `${path}/1`],
          ['DELETE', `${path}/1`],
        ] as const) {
          const body = method === 'DELETE' ? undefined : made;
          const without = await inventory.api(method, own, body, {});
          expect(without.status).toBe(401);
          expect(without.headers.get('www-authenticate')).toContain('Token');
          for (const authorization of ['Token wrong', `Token ${token}x`, 'Token', `Basic ${token}`, token]) {
            expect((await inventory.api(method, own, body, { authorization })).status).toBe(401);
          }
        }
        expect((await inventory.api('GET', `${path}/1`)).status).toBe(200);
      });

      it('answers 404 to ids that no object has, and 405 to methods that it does not know', async () => {
        for (const id of ['999999', '0', '-1', 'abc', '1.5', '99999999999999999999', '%20', 'constructor']) {
          const answer = await inventory.api('GET', `${path}/${id}`);
          expect(answer.status).toBe(404);
          expect(answer.json).toEqual({ detail: 'Not found.' });
        }
        const put = await inventory.api('PUT', `${path}/1`, made);
        expect(put.status).toBe(405);
        expect(put.headers.get('allow')).toBe('GET, HEAD, PATCH, DELETE');
      });
    });

    describe('lists', () => {
      it('link to the page before and after', async () => {
        const { json } = await inventory.api('GET', '/api/dcim/devices?limit=10&offset=15&site=2');
        expect(json.results.length).toBe(10);
        expect(json.next).toBe(`${inventory.origin}/api/dcim/devices?limit=10&offset=25&site=2`);
        expect(json.previous).toBe(`${inventory.origin}/api/dcim/devices?limit=10&offset=5&site=2`);
        const first = await inventory.api('GET', '/api/dcim/devices?limit=10&site=2');
        expect(first.json.previous).toBeNull();
        const beyond = await inventory.api('GET', '/api/dcim/devices?offset=100000');
        expect(beyond.json).toMatchObject({ next: null, results: [] });
      });

      it('filter by foreign key, by choice and by text, and sort', async () => {
        for (const name of ['site', 'site_id']) {
          const { json } = await inventory.api('GET', `/api/dcim/racks?${name}=3`);
          expect(json.count).toBe(5);
          expect(json.results.every((rack: { site: { id: number } }) => rack.site.id === 3)).toBe(true);
        }
        const sorted = await inventory.api('GET', '/api/dcim/devices?role=firewall&q=TOKY&ordering=-name');
        const names = sorted.json.results.map((device: { name: string }) => device.name);
        expect(names).toEqual(['toky-r5-fw1', 'toky-r4-fw1', 'toky-r3-fw1', 'toky-r2-fw1', 'toky-r1-fw1']);
        expect((await inventory.api('GET', '/api/dcim/devices?q=%25')).json.count).toBe(0);
        expect((await inventory.api('GET', "/api/dcim/devices?q='%20OR%201=1--")).json.count).toBe(0);
      });

      it('sort networks and addresses by number', async () => {
        const { json } = await inventory.api('GET', '/api/ipam/prefixes?site=10&ordering=prefix');
        const prefixes = json.results.map((object: { prefix: string }) => object.prefix);
        expect(prefixes.slice(0, 3)).toEqual(['10.10.0.0/16', '10.10.1.0/24', '10.10.2.0/24']);
        expect(prefixes.slice(-3)).toEqual(['10.10.105.0/24', '10.10.200.0/22', '2001:db8:a::/48']);
      });

      it('name every parameter that they cannot use', async () => {
        const { status, json } = await inventory.api(
          'GET',
          '/api/dcim/racks?limit=-1&offset=x&site=y&status=z&ordering=id;--',
        );
        expect(status).toBe(400);
        expect(Object.keys(json).toSorted()).toEqual(['limit', 'offset', 'ordering', 'site', 'status']);
      });
    });

    describe('validation', () => {
      const wrong: [path: string, body: unknown, fields: Record<string, RegExp>][] = [
        ['/api/dcim/sites', {}, { name: /required/ }],
        ['/api/dcim/sites', { name: 'x'.repeat(101) }, { name: /at most 100/ }],
        ['/api/dcim/sites', { name: 5, status: 'great' }, { name: /string/, status: /one of active/ }],
        ['/api/dcim/sites', { name: 'a\u0000b' }, { name: /Control characters/ }],
        ['/api/dcim/sites', { name: '\ud800' }, { name: /surrogates/ }],
        ['/api/dcim/sites', { name: 'X', slug: 'Not a slug' }, { slug: /lower-case/ }],
        ['/api/dcim/sites', [], { body: /JSON object/ }],
        ['/api/dcim/racks', { u_height: 0 }, { site: /required/, name: /required/, u_height: /from 1 to 100/ }],
        ['/api/dcim/racks', { name: 'X', site: 999 }, { site: /no site 999/ }],
        ['/api/dcim/racks', { name: 'X', site: { name: 'Berlin' } }, { site: /id of an object/ }],
        ['/api/dcim/devices', { name: 'X', site: 1, rack: 6 }, { rack: /another site/ }],
        ['/api/dcim/devices', { name: 'X', site: 1, position: 3 }, { position: /Needs a rack/ }],
        ['/api/dcim/devices', { name: 'X', site: 1, rack: 1, position: 42 }, { position: /is mounted there/ }],
        ['/api/dcim/devices', { name: 'X', site: 1, rack: 1, position: 43 }, { position: /only 42 units/ }],
        ['/api/ipam/prefixes', { prefix: '10.0.0.1/24' }, { prefix: /network is 10\.0\.0\.0\/24/ }],
        ['/api/ipam/prefixes', { prefix: '2001:db8::1/64' }, { prefix: /network is 2001:db8::\/64/ }],
        ['/api/ipam/prefixes', { prefix: '10.0.0.0/33', vlan: 4095 }, { prefix: /prefix length/, vlan: /1 to 4094/ }],
        ['/api/ipam/prefixes', { prefix: '10/8', vlan: 1.5 }, { prefix: /prefix length/, vlan: /whole number/ }],
        ['/api/ipam/addresses', { address: '10.0.0.1' }, { address: /prefix length/ }],
        ['/api/ipam/addresses', { address: '192.0.2.1/24', prefix: 4 }, { prefix: /not within 10\.1\.1\.0\/24/ }],
      ];

      it.each(wrong)('%s refuses %j', async (path, body, fields) => {
        const { status, json } = await inventory.api('POST', path, body);
        expect(status).toBe(400);
        expect(Object.keys(json).toSorted()).toEqual(Object.keys(fields).toSorted());
        for (const [name, message] of Object.entries(fields)) expect(json[name][0]).toMatch(message);
      });

      it('answers 409 to a name that is taken', async () => {
        const site = await inventory.api('POST', '/api/dcim/sites', { name: 'Berlin', slug: 'berlin-2' });
        expect(site.status).toBe(409);
        expect(site.json).toEqual({ name: ['A site with this name already exists.'] });
        const rack = await inventory.api('POST', '/api/dcim/racks', { name: 'AMST-R01', site: 1 });
        expect(rack.json).toEqual({ name: ['A rack with this site and name already exists.'] });
        const spelled = await inventory.api('POST', '/api/ipam/prefixes', { prefix: '2001:0DB8:0001:0::/48' });
        expect(spelled.status).toBe(409);
      });

      it('answers 409 when other objects refer to the one to be deleted', async () => {
        const { status, json } = await inventory.api('DELETE', '/api/dcim/sites/1');
        expect(status).toBe(409);
        expect(json.detail).toBe(
          "The site Amsterdam can't be deleted: still referred to by 5 racks, 35 devices, 13 prefixes.",
        );
      });

      it('keeps rules when the other side of a reference changes', async () => {
        expect((await inventory.api('PATCH', '/api/dcim/racks/1', { site: 2 })).json.site[0]).toMatch(/still stand/);
        expect((await inventory.api('PATCH', '/api/dcim/racks/1', { u_height: 41 })).json.u_height[0]).toMatch(/U42/);
        const moved = await inventory.api('PATCH', '/api/ipam/prefixes/4', { prefix: '192.0.2.0/24' });
        expect(moved.json.prefix[0]).toMatch(/addresses \(7\)/);
      });

      it('gives defaults, and clears a reference with null', async () => {
        const made = await inventory.api('POST', '/api/ipam/addresses', { address: '203.0.113.9/32', device_id: '2' });
        expect(made.json).toMatchObject({ status: 'active', dns_name: '', prefix: null, device: { id: 2 } });
        const own = new URL(made.json.url).pathname;
        expect((await inventory.api('PATCH', own, { device: null })).json.device).toBeNull();
        await inventory.api('DELETE', own);
      });
    });

    it('lets several processes write at once', async () => {
      const pids = await inventory.pids(2);
      expect(pids.length).toBe(2);
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          inventory.api(
            'POST',
            '/api/dcim/sites',
            { name: `Parallel ${index}` },
            {
              authorization: `Token ${token}`,
              connection: 'close',
            },
          ),
        ),
      );
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201));
      expect(new Set(answers.map((answer) => answer.json.id)).size).toBe(60);
      for (const { json } of answers) await inventory.api('DELETE', new URL(json.url).pathname);
    });

    it('says which process answers', async () => {
      const { json } = await inventory.api('GET', '/api/status');
      expect(json).toMatchObject({ name: 'inventory', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
      expect(json.pid).toBeTypeOf('number');
      expect(json.uptime).toBeGreaterThan(0);
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Inventory, password, startInventory, startTimeoutMs } from './start-inventory.ts';

let inventory: Inventory;

beforeAll(async () => {
  inventory = await startInventory();
}, startTimeoutMs);
afterAll(() => inventory.stop());

async function get(path: string, headers: Record<string, string> = {}): Promise<{ answer: Response; html: string }> {
  const answer = await fetch(inventory.origin + path, { redirect: 'manual', headers });
  return { answer, html: await answer.text() };
}

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(form);
  const answer = await fetch(inventory.origin + path, { method: 'POST', redirect: 'manual', headers, body });
  return { answer, html: await answer.text() };
}

/** Sends a form as a page of the session shows it, with its CSRF token. */
async function submit(path: string, form: Record<string, string>, cookie: string) {
  const { html } = await get('/dcim/sites/add', { cookie });
  const token = /name="_csrf" value="([^"]+)"/.exec(html)?.[1];
  expect(token).toBeDefined();
  return post(path, { ...form, _csrf: token! }, { cookie });
}

async function logIn(): Promise<string> {
  const { answer } = await post('/login', { username: 'admin', password, next: '/dcim/sites' });
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('/dcim/sites');
  return answer.headers.getSetCookie()[0]!.split(';', 1)[0]!;
}

describe('reading', () => {
  const paths = ['/', '/dcim/sites', '/dcim/racks', '/dcim/devices', '/ipam/prefixes', '/ipam/addresses', '/login'];
  const objects = ['/dcim/sites/1', '/dcim/racks/1', '/dcim/devices/1', '/ipam/prefixes/1', '/ipam/addresses/1'];

  it.each([...paths, ...objects, '/extras/slow?ms=1'])(
    '%s is a page, without scripts or foreign files',
    async (path) => {
      const { answer, html } = await get(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(html).toMatch(/^<!doctype html>/);
      expect(html).toMatch(/<\/html>\s*$/);
      expect(html).not.toMatch(/<script|undefined|\[object|https?:/);
    },
  );

  it('searches, filters, sorts and pages', async () => {
    const { html } = await get('/dcim/devices?q=lond&role=switch&ordering=-name&site_id=7');
    const names = [...html.matchAll(/href="\/dcim\/devices\/\d+">([^<]+)</g)].map((match) => match[1]);
    expect(names).toHaveLength(10);
    expect(names.at(0)).toBe('lond-r5-sw2');
    expect(names.at(-1)).toBe('lond-r1-sw1');
    expect(html).toContain('1–10 of 10');
    const second = await get('/ipam/addresses?offset=50');
    expect(second.html).toContain('51–100 of 2,660');
    expect(second.html).toContain('href="/ipam/addresses?offset=100"');
    expect((await get('/dcim/devices?q=nothing-has-this')).html).toContain('Nothing found.');
  });

  it('answers unknown objects and paths with a page, and wrong parameters too', async () => {
    for (const path of ['/dcim/sites/999999', '/dcim/sites/abc', '/nowhere']) {
      const { answer, html } = await get(path);
      expect(answer.status).toBe(404);
      expect(html).toContain('Not found.');
    }
    const { answer, html } = await get('/dcim/sites?limit=x');
    expect(answer.status).toBe(400);
    expect(html).toContain('<b>limit</b>');
  });
});

describe('logging in', () => {
  it('is asked for before anything can be changed, and leads back', async () => {
    for (const path of ['/dcim/sites/add', '/dcim/sites/1/edit', '/ipam/prefixes/1/delete']) {
      const { answer } = await get(path);
      expect(answer.status).toBe(303);
      expect(answer.headers.get('location')).toBe(`/login?next=${encodeURIComponent(path)}`);
      expect((await post(path, { name: 'X' })).answer.headers.get('location')).toMatch(/^\/login/);
    }
    expect((await get('/login?next=/dcim/sites/add')).html).toContain('name="next" value="/dcim/sites/add"');
  });

  it('refuses wrong credentials, forged cookies and expired ones', async () => {
    for (const form of [{ username: 'admin', password: 'wrong' }, { username: 'root', password }, {}]) {
      const { answer, html } = await post('/login', form);
      expect(answer.status).toBe(401);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(html).toContain('wrong');
    }
    const cookie = await logIn();
    for (const forged of [
      cookie.replace(/.~2$/, '~2'),
      cookie.replace('Fe26.2*', 'Fe26.1*'),
      cookie.replace('~2', 'x~2'),
      'inventory_session=admin.9999999999999.',
      'inventory_session=admin.9999999999999',
      'inventory_session=',
    ]) {
      expect((await get('/dcim/sites/add', { cookie: forged })).answer.status).toBe(303);
    }
  });

  it('never leads to another site', async () => {
    for (const next of ['https://evil.example/', '//evil.example/', '/\\evil.example', '/\t/evil.example', 'evil']) {
      const { answer } = await post('/login', { username: 'admin', password, next });
      expect(answer.headers.get('location')).toBe('/');
    }
  });

  it('holds in every web process, until the logout', async () => {
    const cookie = await logIn();
    const processes = new Set<string>();
    while (processes.size < 2) {
      const { answer, html } = await get('/dcim/sites/add', { cookie, connection: 'close' });
      expect(answer.status).toBe(200);
      processes.add(/process (\d+)/.exec(html)![1]!);
    }
    const { answer } = await submit('/logout', {}, cookie);
    expect(answer.status).toBe(303);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^inventory_session=;.*(Max-Age=0|1970)/);
  });
});

describe('editing', () => {
  it('adds, changes and deletes an object, and shows what is wrong beside the field', async () => {
    const cookie = await logIn();
    const refused = await submit('/dcim/racks/add', { name: '', site: '999', u_height: 'tall' }, cookie);
    expect(refused.answer.status).toBe(400);
    expect(refused.html).toContain('This field is required.');
    expect(refused.html).toContain('There is no site 999.');
    expect(refused.html).toContain('Must be a whole number.');
    expect(refused.html).toContain('value="tall"');

    const added = await submit('/dcim/racks/add', { name: 'Form rack', site: '1', u_height: '20' }, cookie);
    expect(added.answer.status).toBe(303);
    const path = added.answer.headers.get('location')!;
    expect((await get(path)).html).toContain('<h1>Form rack</h1>');

    const form = await get(`${path}/edit`, { cookie });
    expect(form.html).toContain('name="u_height" value="20"');
    expect(form.html).toMatch(/<option value="1" selected>Amsterdam/);
    const changed = await submit(`${path}/edit`, { name: 'Other rack', site: '1', u_height: '21' }, cookie);
    expect(changed.answer.headers.get('location')).toBe(path);
    expect((await get(path)).html).toContain('<h1>Other rack</h1>');

    expect((await get(`${path}/delete`, { cookie })).answer.status).toBe(200);
    expect((await submit(`${path}/delete`, {}, cookie)).answer.headers.get('location')).toBe('/dcim/racks');
    expect((await get(path)).answer.status).toBe(404);
  });

  it('says why an object cannot be deleted', async () => {
    const { answer, html } = await submit('/dcim/sites/1/delete', {}, await logIn());
    expect(answer.status).toBe(409);
    expect(html).toContain('still referred to by 5 racks');
  });

  it('escapes whatever people have typed', async () => {
    const cookie = await logIn();
    const name = `<script>alert("1")</script>'&`;
    const added = await submit('/dcim/sites/add', { name, slug: 'escaped', description: name }, cookie);
    const path = added.answer.headers.get('location')!;
    for (const page of [path, `${path}/edit`, `${path}/delete`, '/', `/dcim/sites?q=${encodeURIComponent(name)}`]) {
      const { html } = await get(page, { cookie });
      expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;');
      expect(html).not.toContain('<script');
    }
    await submit(`${path}/delete`, {}, cookie);
  });

  it('refuses forms without a CSRF token of their session, and changes nothing', async () => {
    const [cookie, other] = [await logIn(), await logIn()];
    const { html } = await get('/dcim/sites/add', { cookie: other });
    const foreign = /name="_csrf" value="([^"]+)"/.exec(html)![1]!;
    for (const path of ['/dcim/sites/add', '/dcim/sites/1/edit', '/dcim/sites/20/delete', '/extras/jobs', '/logout']) {
      for (const forged of [{}, { _csrf: '' }, { _csrf: 'a-b' }, { _csrf: foreign }]) {
        const { answer } = await post(path, { name: 'Forged', slug: 'forged', ...forged }, { cookie });
        expect({ path, status: answer.status }).toEqual({ path, status: 403 });
      }
    }
    expect((await get('/dcim/sites?q=Forged')).html).not.toContain('>Forged<');
    expect((await get('/dcim/sites/20')).answer.status).toBe(200);
    expect((await get('/dcim/sites/add', { cookie })).answer.status).toBe(200);
  });

  it('marks the cookie as Secure where a proxy of this machine received the request by TLS', async () => {
    const form = { username: 'admin', password };
    const cookieFor = async (headers: Record<string, string>) =>
      (await post('/login', form, headers)).answer.headers.getSetCookie()[0];
    expect(await cookieFor({ 'x-forwarded-proto': 'https' })).toMatch(/; HttpOnly; Secure; SameSite=Lax/);
    expect(await cookieFor({})).toMatch(/; HttpOnly; SameSite=Lax/);
  });

  it('refuses forms that another site has sent, and bodies that are no forms', async () => {
    const cookie = await logIn();
    const foreign = await post('/dcim/sites/add', { name: 'X' }, { cookie, 'sec-fetch-site': 'cross-site' });
    expect(foreign.answer.status).toBe(403);
    const json = await fetch(`${inventory.origin}/dcim/sites/add`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: '{"name":"X"}',
    });
    expect(json.status).toBe(415);
  });
});

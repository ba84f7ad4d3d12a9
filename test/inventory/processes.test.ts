import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { lives, runToEnd, startInventory } from './start-inventory.ts';

/** Waits for something that has no event of its own in this process. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

describe('web processes', () => {
  it('are replaced when they are killed, while the others go on', async () => {
    const inventory = await startInventory();
    const before = await inventory.pids(2);
    process.kill(before[0]!, 'SIGKILL');
    await until(() => !lives(before[0]!));
    expect((await inventory.api('GET', '/api/dcim/sites/1')).status).toBe(200);
    await until(async () => (await inventory.pids(2)).every((pid) => pid !== before[0]));
    const after = await inventory.pids(2);
    expect(after).toContain(before[1]);
    expect(inventory.output()).toContain(`Web process ${before[0]} ended (SIGKILL)`);
    await inventory.stop();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('all stop at %s, after the requests in progress', async (signal) => {
    const inventory = await startInventory({ WEB_PROCESSES: '3' });
    const pids = await inventory.pids(3);
    const slow = fetch(`${inventory.origin}/extras/slow?ms=600`);
    await sleep(200);
    inventory.primary.kill(signal);
    expect((await slow).status).toBe(200);
    await until(() => inventory.primary.exitCode !== null);
    expect(inventory.primary.exitCode).toBe(0);
    expect(pids.filter(lives)).toEqual([]);
    await inventory.stop();
  });

  it('do not wait for requests without end', async () => {
    const inventory = await startInventory();
    const slow = fetch(`${inventory.origin}/extras/slow?ms=10000`).catch(() => 'cut');
    await sleep(200);
    inventory.primary.kill('SIGTERM');
    await once(inventory.primary, 'close');
    expect(await slow).toBe('cut');
    await inventory.stop();
  });

  it('end when the primary is killed', async () => {
    const inventory = await startInventory();
    const pids = await inventory.pids(2);
    inventory.primary.kill('SIGKILL');
    await inventory.stop();
    await until(() => pids.filter(lives).length === 0);
    expect(inventory.primary.signalCode).toBe('SIGKILL');
  });

  it('stop with npm, which hands the signal to what it has started', async () => {
    const inventory = await startInventory({}, [], ['npm', 'start', '--ignore-scripts', '--']);
    const pids = await inventory.pids(2);
    inventory.primary.kill('SIGTERM');
    await until(() => pids.filter(lives).length === 0);
    expect(inventory.output()).toContain('inventory is ready');
    await inventory.stop();
  });

  it('keep their objects over a restart, and are seeded once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inventory-test-'));
    const env = { DATABASE_URL: `file:${join(folder, 'a b#c.sqlite')}` };
    const first = await startInventory(env);
    expect(first.output()).toContain('002-seed');
    const { json } = await first.api('POST', '/api/dcim/sites', { name: 'Kept' });
    const { count } = (await first.api('GET', '/api/dcim/sites')).json;
    await first.stop();
    const second = await startInventory(env);
    expect(second.output()).not.toContain('002-seed');
    expect((await second.api('GET', '/api/dcim/sites')).json.count).toBe(count);
    expect((await second.api('GET', `/api/dcim/sites/${json.id}`)).json.name).toBe('Kept');
    await second.stop();
    rmSync(folder, { recursive: true });
  });
});

describe('a start that fails says why, once, and ends with exit code 1', () => {
  it('when the port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, output } = await runToEnd({ PORT: String(port) });
    expect(code).toBe(1);
    expect(output.match(/in use/g)).toHaveLength(1);
    expect(output).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(output).not.toMatch(/\n +at /);
    server.close();
  });

  const wrong: [env: Record<string, string>, message: RegExp][] = [
    [{ PORT: '80a' }, /PORT must be a whole number from 0 to 65535, got "80a"; try PORT=8080/],
    [{ PORT: '65536' }, /PORT must be/],
    [{ WEB_PROCESSES: '0' }, /WEB_PROCESSES must be a whole number from 1 to 64/],
    [{ HOST: '192.0.2.1' }, /HOST 192\.0\.2\.1 is no address of this machine/],
    [{ INVENTORY_TOKEN: 'two words' }, /INVENTORY_TOKEN must be visible ASCII/],
    [{ DATABASE_URL: 'oracle://user:secret@db/x' }, /DATABASE_URL must be file:<path> \(SQLite\), .+ got oracle:/],
    [{ DATABASE_URL: 'postgres://user:secret@127.0.0.1' }, /DATABASE_URL must name a host and a database/],
    [{ DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/x' }, /database postgres:\/\/127.0.0.1:1\/x can't be opened/],
    [{ DATABASE_URL: 'mariadb://user:secret@127.0.0.1:1/x' }, /database mysql:\/\/127.0.0.1:1\/x can't be opened/],
    [{ DATABASE_URL: 'inventory.sqlite' }, /DATABASE_URL must be file:<path>/],
    [{ DATABASE_URL: 'file::memory:' }, /must name a file/],
    [{ DATABASE_URL: 'file:/dev/null/inventory.sqlite' }, /can't be opened/],
  ];

  it.each(wrong)('with %j', async (env, message) => {
    const { code, output } = await runToEnd(env);
    expect(code).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toContain('secret');
    expect(
      output
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('Prepared')),
    ).toHaveLength(1);
  });

  it('when the file is no database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inventory-test-'));
    const file = join(folder, 'not-a-database');
    writeFileSync(file, 'just some text, and more than a hundred bytes of it, '.repeat(100));
    const { code, output } = await runToEnd({ DATABASE_URL: `file:${file}` });
    expect(code).toBe(1);
    expect(output).toContain(`The database ${file} can't be opened`);
    rmSync(folder, { recursive: true });
  });

  it('with an option that there is not', async () => {
    const { code, output } = await runToEnd({}, ['--dmeo']);
    expect(code).toBe(1);
    expect(output).toContain('--dmeo');
  });
});

it('explains itself with --help', async () => {
  const { code, output } = await runToEnd({}, ['--help']);
  expect(code).toBe(0);
  for (const word of [
    '--demo',
    'HOST',
    'PORT',
    'WEB_PROCESSES',
    'INVENTORY_TOKEN',
    'DATABASE_URL',
    'METRICS_ENABLED',
  ]) {
    expect(output).toContain(word);
  }
});

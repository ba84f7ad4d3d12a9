import { mkdtempSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lacksDebianPackages } from './debian.ts';
import { startRedis } from './private-servers.ts';

/** For `describe.skipIf`: there is no redis-server to start. */
export const lacksRedis: boolean = lacksDebianPackages(['redis-server'], () => startRedis.isInstalled());

/**
 * A Redis that nobody else talks to, so that its own counters can be compared. It ends soon after
 * this process does.
 */
export interface OwnRedis {
  readonly host: string;
  readonly port: number;
  /** Says something in its inline protocol, and gives what it answered. */
  say(line: string): Promise<string>;
  /** The lines of INFO, by name. */
  info(): Promise<ReadonlyMap<string, string>>;
}

export async function ownRedis(): Promise<OwnRedis> {
  const url = new URL(await startRedis.run(mkdtempSync(join(tmpdir(), 'promenade-own-redis-')), process.pid));
  const own: OwnRedis = {
    host: url.hostname,
    port: Number(url.port),
    say: (line) => say(own.host, own.port, line),
    info: async () => {
      const lines = (await own.say('INFO all')).split('\r\n').map((line) => line.split(':') as [string, string]);
      return new Map(lines.filter(([, value]) => value !== undefined));
    },
  };
  for (let i = 0; i < 300; i++) {
    const answer = await own.say('PING').catch(() => '');
    if (answer.startsWith('+PONG')) return own;
    await sleep(20);
  }
  throw new Error('redis-server does not answer');
}

/**
 * What a command of commandstats says: `calls`, `failed_calls` and the like; zero where it was
 * never called.
 */
export function commandStat(info: ReadonlyMap<string, string>, command: string, field: string): number {
  const found = info
    .get(`cmdstat_${command}`)
    ?.split(',')
    .find((pair) => pair.startsWith(`${field}=`));
  return Number(found?.slice(field.length + 1) ?? 0);
}

function say(host: string, port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, host, () => socket.write(`${line}\r\nQUIT\r\n`));
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.once('error', reject).once('close', () => resolve(answer));
  });
}

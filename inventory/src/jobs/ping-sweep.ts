import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from '../resource/errors.ts';
import { toId } from '../resource/model.ts';
import type { JobDefinition } from './job.ts';

const pingMs = 20;
const maxAddresses = 500;

/** Pretends to ping every address of a prefix: failed devices do not answer. Sends nothing. */
export const pingSweep: JobDefinition = {
  name: 'ping-sweep',
  label: 'Ping sweep (simulated)',
  input: 'The id of a prefix.',
  async run(input, { database }) {
    const prefix = toId(input.trim());
    if (prefix === undefined) throw new RequestError(400, 'The input must be the id of a prefix.');
    const addresses = await database.reads
      .selectFrom('address as a')
      .leftJoin('device as d', 'd.id', 'a.device_id')
      .select(['a.address', 'd.status'])
      .where('a.prefix_id', '=', prefix)
      .limit(maxAddresses)
      .execute();
    const silent: string[] = [];
    for (const { address, status } of addresses) {
      await sleep(pingMs);
      if (status === 'failed' || status === 'offline') silent.push(String(address));
    }
    return { addresses: addresses.length, answered: addresses.length - silent.length, silent };
  },
};

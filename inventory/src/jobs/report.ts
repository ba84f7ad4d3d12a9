import { setTimeout as sleep } from 'node:timers/promises';
import type { JobDefinition } from './job.ts';

/** Without a pause the histogram of run times would show nothing, in milliseconds. */
const thinkingMs = 1_500;

/** Counts devices by site and by status. */
export const report: JobDefinition = {
  name: 'report',
  label: 'Report',
  input: undefined,
  async run(_input, { database }) {
    const count = (column: string) =>
      database.reads
        .selectFrom('device as d')
        .innerJoin('site as s', 's.id', 'd.site_id')
        .select((eb) => [eb.ref(column).as('key'), eb.fn.countAll().as('count')])
        .groupBy(column)
        .execute();
    const [sites, statuses] = await Promise.all([count('s.name'), count('d.status')]);
    await sleep(thinkingMs);
    const toObject = (rows: readonly { key: unknown; count: unknown }[]): object =>
      Object.fromEntries(rows.map(({ key, count: devices }) => [String(key), Number(devices)]));
    return { devicesBySite: toObject(sites), devicesByStatus: toObject(statuses) };
  },
};

import { PostgresBackend } from '@agendajs/postgres-backend';
import { Agenda, type Job } from 'agenda';
import { afterAll, describe } from 'vitest';
import { instrumentAgenda, uninstrument } from '../../../src/adapters/job/agenda.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, type Order } from '../../contracts/job.contract.ts';
import { oldest } from '../../support/oldest.ts';
import { postgres } from '../../support/servers.ts';

/** Of all versions, as the newest describes it. */
interface Library {
  readonly Agenda: typeof Agenda;
  readonly PostgresBackend: typeof PostgresBackend;
}

const server = await postgres();
const database = server.missing ? undefined : await server.createDatabase();
afterAll(() => database?.drop());

const libraries: readonly (readonly [name: string, library: Library])[] = [
  [
    'agenda 6.2',
    {
      Agenda: (await oldest<Library>('jobs', 'agenda')).Agenda,
      PostgresBackend: (await oldest<Library>('jobs', '@agendajs/postgres-backend')).PostgresBackend,
    },
  ],
  ['agenda 6', { Agenda, PostgresBackend }],
];

let tables = 0;

function subject(library: Library) {
  return async ({ registry, enabled, work, concurrency }: JobSubjectOptions): Promise<JobSubject> => {
    const backend = new library.PostgresBackend({ connectionString: database!.url, tableName: `agenda${tables++}` });
    const agenda = new library.Agenda({ backend, processEvery: 200, defaultConcurrency: concurrency });
    instrumentAgenda(agenda, { registry, enabled });
    agenda.on('error', () => {});
    const define = (name: string, attempts: number): void => {
      const backoff = ({ attempt }: { readonly attempt: number }) => (attempt < attempts ? 10 : null);
      const process = (job: Job<{ order: Order }>): Promise<string> => work(job.attrs.data.order);
      agenda.define(name, process as (job: Job<{ order: Order }>) => void, { concurrency, backoff });
    };
    await agenda.start();
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (!stopped) await agenda.stop();
      stopped = true;
    };
    return {
      send: async (job, order, { attempts = 1, delayMs } = {}) => {
        define(job, attempts);
        if (delayMs === undefined) await agenda.now(job, { order });
        else await agenda.schedule(new Date(Date.now() + delayMs), job, { order });
      },
      again: () => void instrumentAgenda(agenda, { registry, enabled }),
      undo: () => uninstrument(agenda),
      stop,
      close: stop,
    };
  };
}

describe.skipIf(server.missing)('with PostgreSQL', () => {
  for (const [name, library] of libraries) {
    jobContract(name, subject(library), {
      queue: 'agenda',
      names: true,
      queued: true,
      bulk: false,
      waits: false,
      retries: true,
      delays: true,
      ids: false,
      states: { waiting: 'waiting' },
      workers: true,
    });
  }
});

import type { Database, Row } from '../database/database.ts';
import { invalid, notFound, RequestError } from '../resource/errors.ts';
import { importDevices } from './import-devices.ts';
import type { Job, JobContext, JobDefinition, JobStatus } from './job.ts';
import { pingSweep } from './ping-sweep.ts';
import type { JobQueue } from './queue.ts';
import { report } from './report.ts';

/** All kinds of jobs. */
export const jobDefinitions: readonly JobDefinition[] = [importDevices, pingSweep, report];

/** The most that a text column holds in every supported database, in bytes. */
const maxTextBytes = 60_000;

/** Jobs as the database keeps them. The queue holds their ids only. */
export class Jobs {
  readonly #database: Database;
  readonly #queue: JobQueue;

  constructor(database: Database, queue: JobQueue) {
    this.#database = database;
    this.#queue = queue;
  }

  /**
   * Enqueues a job.
   * @throws RequestError 400
   */
  async start(name: unknown, input: unknown = ''): Promise<Job> {
    const definition = jobDefinitions.find((candidate) => candidate.name === name);
    const names = jobDefinitions.map((candidate) => candidate.name).join(', ');
    if (!definition) throw invalid({ name: [`Must be one of ${names}.`] });
    if (typeof input !== 'string') throw invalid({ input: ['Must be a text.'] });
    if (Buffer.byteLength(input) > maxTextBytes) throw invalid({ input: [`Longer than ${maxTextBytes} bytes.`] });
    const created = new Date().toISOString();
    const row = {
      name: definition.name,
      status: 'queued',
      input,
      result: '',
      pid: 0,
      created,
      started: '',
      finished: '',
    };
    const id = await this.#database.insert('job', row);
    await this.#queue.add(definition.name, id);
    return this.get(id);
  }

  /** @throws RequestError 404 */
  async get(id: number | undefined): Promise<Job> {
    const row = id === undefined ? undefined : await this.#row(id);
    if (!row) throw notFound();
    return toJob(row);
  }

  /** The latest jobs, newest first. */
  async list(limit: number): Promise<Job[]> {
    const { reads } = this.#database;
    return (await reads.selectFrom('job').selectAll().orderBy('id', 'desc').limit(limit).execute()).map(toJob);
  }

  /** Runs a queued job. @throws the job's own error, so that the queue sees the failure. */
  async run(id: number, context: JobContext): Promise<void> {
    const row = await this.#row(id);
    const definition = jobDefinitions.find(({ name }) => name === row?.['name']);
    if (!row || !definition) throw new RequestError(400, `There is no job ${id}.`);
    await this.#change(id, {
      status: 'running',
      pid: process.pid,
      started: new Date().toISOString(),
      finished: '',
      result: '',
    });
    try {
      const result = JSON.stringify(await definition.run(String(row['input']), context));
      await this.#finish(id, 'succeeded', result);
    } catch (error) {
      await this.#finish(id, 'failed', JSON.stringify({ error: (error as Error).message }));
      throw error;
    }
  }

  /**
   * Marks a job as failed whose queue has given it up, such as one whose worker was killed too often
   * to report anything itself. A job that has ended keeps its result.
   */
  async giveUp(id: number, reason: string): Promise<void> {
    const status = (await this.#row(id))?.['status'];
    if (status === 'queued' || status === 'running')
      await this.#finish(id, 'failed', JSON.stringify({ error: reason }));
  }

  async #row(id: number): Promise<Row | undefined> {
    return this.#database.reads.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async #finish(id: number, status: JobStatus, result: string): Promise<void> {
    await this.#change(id, { status, result: result.slice(0, maxTextBytes / 4), finished: new Date().toISOString() });
  }

  async #change(id: number, changes: Row): Promise<void> {
    await this.#database.write((db) => db.updateTable('job').set(changes).where('id', '=', id).execute());
  }
}

function toJob({ id, name, status, result, pid, created, started, finished }: Row): Job {
  return { id, name, status, result, pid, created, started, finished } as unknown as Job;
}

import { dcim } from './apps/dcim/dcim.ts';
import { ipam } from './apps/ipam/ipam.ts';
import { type Cache, createMemoryCache, createRedisCache } from './cache/cache.ts';
import { relay } from './cache/relay.ts';
import { type Database, openDatabase } from './database/database.ts';
import { Jobs } from './jobs/jobs.ts';
import { createLocalQueue, createRedisQueue } from './jobs/queue.ts';
import { type Resource, resolveResources } from './resource/model.ts';
import { Repository } from './resource/repository.ts';
import type { Settings } from './settings.ts';

/** The services that web processes, workers and commands need. */
export interface Services {
  readonly database: Database;
  readonly cache: Cache;
  readonly resources: readonly Resource[];
  readonly repositories: readonly Repository[];
  readonly jobs: Jobs;
  /** Waits for the running jobs and closes all connections. */
  close(): Promise<void>;
}

/** @throws Error when the database can't be opened. */
export async function openServices(settings: Settings): Promise<Services> {
  const database = await openDatabase(settings.database);
  const cache = settings.redis === undefined ? createMemoryCache(relay) : createRedisCache(settings.redis);
  const resources = resolveResources([dcim, ipam]);
  const repositories = resources.map((resource) => new Repository(resource, database, cache));
  const queue =
    settings.redis === undefined
      ? createLocalQueue((id) => services.jobs.run(id, services))
      : createRedisQueue(settings.redis);
  const services: Services = {
    database,
    cache,
    resources,
    repositories,
    jobs: new Jobs(database, queue),
    async close() {
      await queue.close();
      await cache.close();
      await database.close();
    },
  };
  return services;
}

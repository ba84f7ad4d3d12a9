import { Redis } from 'ioredis';
import { Registry } from '../../../src/core/registry.ts';
import { postgres, redis, type TestDatabase } from '../../support/servers.ts';
import { startApplication } from './application.ts';
import { type Answer, ask } from './ask.ts';
import { connectBackends } from './backends.ts';
import { noDjango, startProject } from './project.ts';
import type { ScriptedRequest } from './script.ts';

const server = await postgres();
const cacheServer = await redis();

/** For `describe.skipIf`: whether there is no pair. */
export const noPair: boolean = noDjango || server.missing || cacheServer.missing;

/** What both have answered to one request. */
export interface Answers {
  readonly asked: string;
  readonly theirs: Answer;
  readonly ours: Answer;
}

/** The Django project and our application, on databases of their own with the same content. */
export interface Pair {
  readonly registry: Registry;
  /** Where our application is, with its page at `/metrics`. */
  readonly origin: string;
  /** Where the project's page is, without being counted. */
  readonly projectMetrics: string;
  /** One after the other. */
  ask(request: ScriptedRequest): Promise<Answers>;
  stop(): Promise<void>;
}

/** Starts both. The numbers of migrations are on their pages. */
export async function startPair(): Promise<Pair> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).toReversed()) await one();
  };
  try {
    return await start(stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(stops: (() => Promise<unknown>)[], stop: () => Promise<void>): Promise<Pair> {
  const createDatabase = async (): Promise<TestDatabase> => {
    const database = await server.createDatabase();
    stops.push(() => database.drop());
    return database;
  };
  const [first, second] = [await createDatabase(), await createDatabase()];
  stops.push(
    () => forget(first.database),
    () => forget(second.database),
  );
  const project = await startProject(first, cacheServer.url, first.database);
  stops.push(() => project.stop());
  project.migrate(second);
  const backends = connectBackends({
    databaseUrl: second.url,
    cacheUrl: cacheServer.url,
    cachePrefix: `${second.database}:`,
  });
  stops.push(() => backends.close());
  const registry = new Registry();
  const app = await startApplication(registry, backends);
  stops.push(() => app.close());
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const pair: Pair = {
    registry,
    origin,
    projectMetrics: project.metrics,
    ask: async (request) => ({
      asked: `${request.method} ${request.path}${request.chunked ? ' chunked' : ''}`,
      theirs: await ask(project.origin, request),
      ours: await ask(origin, request),
    }),
    stop,
  };
  await pair.ask({ method: 'GET', path: '/database/migrations/' });
  return pair;
}

/** Takes what begins so out of the cache. */
async function forget(prefix: string): Promise<void> {
  const cache = new Redis(cacheServer.url);
  for await (const keys of cache.scanStream({ match: `${prefix}:*` })) {
    if ((keys as string[]).length > 0) await cache.del(...(keys as string[]));
  }
  cache.disconnect();
}

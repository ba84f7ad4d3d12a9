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
  const databases: TestDatabase[] = [await server.createDatabase(), await server.createDatabase()];
  const [first, second] = databases as [TestDatabase, TestDatabase];
  const project = await startProject(first, cacheServer.url, first.database);
  project.migrate(second);
  const backends = connectBackends({
    databaseUrl: second.url,
    cacheUrl: cacheServer.url,
    cachePrefix: `${second.database}:`,
  });
  const registry = new Registry();
  const app = await startApplication(registry, backends);
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
    stop: async () => {
      await app.close();
      await project.stop();
      await backends.close();
      for (const database of databases) await database.drop();
    },
  };
  await pair.ask({ method: 'GET', path: '/database/migrations/' });
  return pair;
}

import type { QueuePlace } from './queue-names.ts';

/** The part of a connection that is used: options, or a client that was made with some. */
interface Connection {
  readonly options?: object;
  readonly db?: unknown;
  readonly database?: unknown;
  readonly url?: unknown;
}

/**
 * Returns where a queue is in Redis: the number of its database and the prefix of its keys. Hosts
 * are left out, since one server has several names and a failover changes them.
 *
 * @param connection The options of a connection, or a client.
 */
export function redisPlace(prefix: string, defaultPrefix: string, connection: unknown): QueuePlace {
  const database = databaseOf(connection);
  return {
    id: `${database}/${prefix}`,
    longerNames: (name) => [
      ...(prefix === defaultPrefix ? [] : [`${prefix}:${name}`]),
      ...(database === 0 ? [] : [`${database}/${name}`]),
      `${database}/${prefix}:${name}`,
    ],
  };
}

function databaseOf(connection: unknown): number {
  const given = (connection ?? {}) as Connection;
  const { db, database, url } = (given.options ?? given) as Connection;
  const number = Number(db ?? database ?? inUrl(url));
  return Number.isInteger(number) ? number : 0;
}

function inUrl(url: unknown): string | undefined {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).pathname.slice(1) : undefined;
}

import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { openDatabase } from './database/database.ts';
import type { Settings } from './settings.ts';
import type { Serving } from './supervisor.ts';

/** How long requests in progress may take to end before their connections are cut, in milliseconds. */
const drainMs = 2_000;

/** Runs one web process until it is told to stop. */
export async function runWorker(settings: Settings): Promise<void> {
  const db = await openDatabase(settings.databaseFile);
  const app = await createApp(settings, db);
  let stopping = false;

  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => app.server.closeAllConnections(), drainMs).unref();
    await app.close();
    db.close();
    process.exit(0);
  };
  // The terminal sends SIGINT to the whole group: the worker drains as it does when the primary asks it to.
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  const { host, port } = settings;
  try {
    await app.listen({ host, port });
    process.send?.({ servingAt: (app.server.address() as AddressInfo).port } satisfies Serving);
  } catch (error) {
    throw new Error(whyNotListening(host, port, error), { cause: error });
  }
}

function whyNotListening(host: string, port: number, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use; stop what listens there, or choose another with PORT=${port + 1}.`;
    case 'EACCES':
      return `Port ${port} may not be opened by this user; choose one above 1023 with PORT=8080.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is no address of this machine; try HOST=127.0.0.1.`;
    default:
      return `Can't listen on ${host}:${port}: ${message}`;
  }
}

import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { listenError } from './listen-error.ts';
import { openServices } from './services.ts';
import type { Settings } from './settings.ts';
import type { Serving } from './supervisor.ts';

/** Grace period for requests in progress before their connections are closed, in milliseconds. */
const drainMs = 2_000;

/** Runs one web process until it is told to stop. */
export async function runWebProcess(settings: Settings): Promise<void> {
  const services = await openServices(settings);
  const app = await createApp(settings, services);
  let stopping = false;

  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => app.server.closeAllConnections(), drainMs).unref();
    await app.close();
    await services.close();
    // The IPC channel to the primary would keep the process alive.
    process.exit(0);
  };
  // The terminal sends SIGINT to the whole process group: drain as for the primary's SIGTERM.
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  const { host, port } = settings;
  try {
    await app.listen({ host, port });
    process.send?.({ servingAt: (app.server.address() as AddressInfo).port } satisfies Serving);
  } catch (error) {
    throw listenError(host, port, error);
  }
}

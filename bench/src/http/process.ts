import type { AddressInfo } from 'node:net';
import { answerTasks } from '../harness/answer-tasks.ts';

/** `cpu`: what the process has used so far, in microseconds. */
export type Task = { readonly kind: 'port' | 'cpu' };

const [contender, framework] = process.argv.slice(2) as [string, 'fastify' | 'express'];
const { listen } = framework === 'fastify' ? await import('./fastify.ts') : await import('./express.ts');
const server = await listen(contender);

answerTasks(({ kind }: Task) => {
  switch (kind) {
    case 'port':
      return (server.address() as AddressInfo).port;
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return user + system;
    }
  }
});

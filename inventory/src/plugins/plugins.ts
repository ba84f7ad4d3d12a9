import type { Services } from '../services.ts';
import { capacity } from './capacity/capacity.ts';
import type { Plugin } from './plugin.ts';

/** The installed plug-ins. */
const plugins: readonly Plugin[] = [capacity];

/** Starts all of them. */
export function startPlugins({ resources, database }: Services): void {
  for (const plugin of plugins) plugin.start({ resources, reads: database.reads });
}

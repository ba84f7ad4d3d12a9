import type { Queryable } from '../database/database.ts';
import type { Resource } from '../resource/model.ts';

/** What the application lets a plug-in have. */
export interface PluginHost {
  /** All kinds of objects. */
  readonly resources: readonly Resource[];
  /** For reading, not for writing. */
  readonly reads: Queryable;
}

/** Something that others add to the application. */
export interface Plugin {
  readonly name: string;
  /** Called once in each web process, before it listens. */
  start(host: PluginHost): void;
}

import type { Queryable } from '../database/database.ts';
import type { Resource } from '../resource/model.ts';

/** The part of the application that a plug-in can use. */
export interface PluginHost {
  /** All resources. */
  readonly resources: readonly Resource[];
  /** For reads only. */
  readonly reads: Queryable;
}

/** A third party's extension of the application. */
export interface Plugin {
  readonly name: string;
  /** Called once in each web process, before it listens. */
  start(host: PluginHost): void;
}

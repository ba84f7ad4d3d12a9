import { defaultRegistry } from '../core/default-registry.ts';
import { Info } from '../core/info.ts';
import type { Registry } from '../core/registry.ts';

/** Options of `setBuildInfo`. */
export interface BuildInfoOptions {
  /** The application's version. */
  readonly version: string;
  /** The commit that it was built from. @default '' */
  readonly revision?: string;
  /** @default the default registry */
  readonly registry?: Registry;
  /** Put before `build_info`. @default '' */
  readonly prefix?: string;
}

const infos: WeakMap<Registry, Info<'version' | 'revision' | 'node'>> = new WeakMap();

/**
 * Shows the running version as `build_info{version, revision, node}` with the value 1: join it to
 * other series to compare releases. A later call replaces an earlier one, but keeps its prefix.
 *
 *     setBuildInfo({ version: '1.4.2', revision: process.env.GIT_COMMIT ?? '' });
 *
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the application has a family of its own by
 *   that name.
 */
export function setBuildInfo(options: BuildInfoOptions): void {
  const { version, revision = '', registry = defaultRegistry, prefix = '' } = options;
  let info = infos.get(registry);
  if (!info) {
    info = new Info({
      name: `${prefix}build_info`,
      help: 'The version and revision of the application, and the Node.js that it runs on.',
      labelNames: ['version', 'revision', 'node'],
      registry,
    });
    infos.set(registry, info);
  }
  info.set({ version, revision, node: process.version });
}

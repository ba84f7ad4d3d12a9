import { Apps } from './apps/apps.ts';
import { activate } from './core/activation.ts';
import { defaultRegistry, directoryOf, shareStore } from './core/default-registry.ts';
import type { Registry } from './core/registry.ts';
import { observeSelf } from './core/self-metrics.ts';
import { openEndpoint, type PageOptions } from './endpoint/endpoint.ts';
import { type Environment, resolveSettings, type Settings, type SettingsOptions } from './settings/settings.ts';
import { collectRuntimeMetrics } from './runtime/collect-runtime-metrics.ts';

/** Options of `promenade(options)` in a process without a server: settings, and those below. */
export interface WorkerOptions extends SettingsOptions, Pick<PageOptions<never>, 'checkToken'> {
  /**
   * The registry of its metrics.
   * @default the default registry
   */
  readonly registry?: Registry | undefined;
  /**
   * Adds the `process_*` and `nodejs_*` families.
   * @default true
   */
  readonly runtime?: boolean | undefined;
}

/** The metrics of a process without a server, on or off. */
export interface WorkerMetrics {
  /** METRICS_ENABLED. When false, the call was a no-op. */
  readonly enabled: boolean;
  readonly registry: Registry;
  /**
   * Measures the runtime a last time, and closes the listener if there is one. Counts stay in the
   * directory. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Turns metrics on in a process without a server: a job worker, or a short cron command. It counts
 * in the directory of the web processes, so their page, or that of `promenade serve`, shows its
 * numbers, also after it has ended. With METRICS_PORT it serves the page itself.
 *
 *     import { promenade } from 'promenade/worker';
 *     const metrics = promenade();
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with every problem of the settings and its fix;
 *   `ERR_METRICS_STORE_*` where the directory can't be used.
 */
export function promenade(options: WorkerOptions = {}, environment?: Environment): WorkerMetrics {
  const { registry = defaultRegistry, runtime = true, checkToken, ...settingsOptions } = options;
  const settings = resolveSettings(settingsOptions, environment);
  if (!settings.enabled) return { enabled: false, registry, close: async () => {} };
  const stopListening = settings.port === undefined ? join(registry, settings) : listen(registry, settings, checkToken);
  activate(registry, { namespace: settings.namespace, compat: settings.compat });
  const stopRuntime = runtime ? collectRuntimeMetrics({ registry }) : undefined;
  return {
    enabled: true,
    registry,
    close: async () => {
      stopRuntime?.();
      await stopListening();
    },
  };
}

/**
 * Counts in the directory of the web processes. Without a page, settings for authentication don't
 * apply.
 */
function join(registry: Registry, settings: Settings): () => Promise<void> {
  const { namespace } = settings;
  shareStore(registry, settings);
  observeSelf(registry, namespace === '' ? '' : `${namespace}_`);
  const stopApps = Apps.of(registry).start(settings);
  if (directoryOf(registry) === undefined) warnOfNobody();
  return async () => stopApps();
}

function listen(registry: Registry, settings: Settings, checkToken: WorkerOptions['checkToken']): () => Promise<void> {
  const endpoint = openEndpoint<never>(settings, { registry, checkToken });
  // An address that can't be bound is only a warning: the worker must go on.
  const listening = endpoint.listen().catch((error: Error) => {
    process.emitWarning(`${error.message} Metrics are not served.`, {
      type: 'MetricsWarning',
      code: 'WARN_METRICS_PORT',
    });
  });
  return async () => {
    await listening;
    await endpoint.close();
  };
}

let warned = false;

function warnOfNobody(): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    'This process counts for itself and serves nothing, so nobody will see its metrics. Set PROMETHEUS_MULTIPROC_DIR to the directory of the ' +
      'processes whose page shall show them, or METRICS_PORT to have a page here.',
    { type: 'MetricsWarning', code: 'WARN_METRICS_NOT_SHARED' },
  );
}

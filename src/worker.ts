import { Apps } from './apps/apps.ts';
import { activate } from './core/activation.ts';
import { defaultRegistry, directoryOf, shareStore } from './core/default-registry.ts';
import type { Registry } from './core/registry.ts';
import { observeSelf } from './core/self-metrics.ts';
import { openEndpoint, type PageOptions } from './endpoint/endpoint.ts';
import { type Environment, resolveSettings, type Settings, type SettingsOptions } from './settings/settings.ts';
import { collectRuntimeMetrics } from './runtime/collect-runtime-metrics.ts';

/**
 * What `promenade(options)` takes in a process that serves nothing: settings, and what is below.
 */
export interface WorkerOptions extends SettingsOptions, Pick<PageOptions<never>, 'checkToken'> {
  /** Where its metrics are. @default the default registry */
  readonly registry?: Registry | undefined;
  /** Whether the page has the `process_*` and `nodejs_*` families. @default true */
  readonly runtime?: boolean | undefined;
}

/** The metrics of a process that serves nothing, turned on or left off. */
export interface WorkerMetrics {
  /** METRICS_ENABLED. When false, nothing has happened and nothing costs anything. */
  readonly enabled: boolean;
  readonly registry: Registry;
  /**
   * Takes a last look at the runtime, and closes the listener if there is one; what was counted
   * stays in the directory. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Turns metrics on in a process that serves nothing: a job worker, a cron command that lives two
 * seconds. It counts into the directory that it shares with the web processes, and whichever of
 * those is scraped, or `promenade serve`, shows its numbers; they stay when it has gone. With
 * METRICS_PORT it listens there, as any process of the application does.
 *
 *     import { promenade } from 'promenade/worker';
 *     const metrics = promenade();
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it; `ERR_METRICS_STORE_*` where the directory can't be used.
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
 * Counts where the web processes do. Who may read their page is no concern of a process that has
 * none.
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
  // An address that can never be had is told as a warning: the worker has its work to do.
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

import { defaultRegistry, shareStore, STORE_SETTINGS } from '../core/default-registry.ts';
import { type EnvironmentSettings, environmentSettings } from '../settings/settings.ts';

let settings: EnvironmentSettings | undefined;

/**
 * Lets the default registry share a directory with other processes as if METRICS_ENABLED were true,
 * unless it is set to false: prom-client's API has no switch, and what uses it shows the page
 * itself. A directory that fails is an error with METRICS_ENABLED=true, else a warning, and the
 * process counts by itself. Idempotent.
 *
 * @returns the settings; `undefined` where metrics are switched off.
 * @throws MetricsError as `shareStore` does.
 */
export function turnOn(): EnvironmentSettings | undefined {
  if (settings !== undefined) return settings.switchedOff ? undefined : settings;
  settings = environmentSettings(STORE_SETTINGS);
  if (settings.switchedOff) return undefined;
  try {
    shareStore(defaultRegistry, { ...settings, enabled: true });
  } catch (error) {
    if (settings.enabled) throw error;
    process.emitWarning(`This process counts by itself: ${(error as Error).message}`, {
      type: 'MetricsWarning',
      code: 'WARN_METRICS_NOT_SHARED',
    });
  }
  return settings;
}

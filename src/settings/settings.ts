import { isMainThread } from 'node:worker_threads';
import { MetricsError } from '../errors.ts';
import { closestName } from './closest-name.ts';
import { type Environment, processEnvironment } from './environment.ts';
import { isServiceLink, nearMisses } from './foreign-variables.ts';
import { type Setting, type Settings, type SettingsOptions, settingsTable, spellingsOf } from './settings-table.ts';
import { InvalidValue } from './values.ts';

export { type Environment, type Setting, type Settings, type SettingsOptions, settingsTable };

/**
 * Reads the settings: from `options`, else from the environment, else their defaults. Blanks around
 * a value are trimmed; an empty one counts as unset.
 *
 * An environment is shared with other programs. So unknown variables are no error; with metrics on,
 * those that are nearly named like a setting get one warning, WARN_METRICS_UNKNOWN_SETTING. With
 * metrics off, wrong variables are ignored.
 *
 * @param environment
 * @default the environment of this process
 * @param defaults Where they differ from the table's.
 * @throws MetricsError ERR_METRICS_INVALID_SETTING that lists everything wrong at once: unknown
 *   options, malformed or contradictory values, each with its fix. It never repeats a secret.
 */
export function resolveSettings(
  options: SettingsOptions = {},
  environment: Environment = processEnvironment(),
  defaults: Partial<Settings> = {},
): Settings {
  const { settings, problems } = read(options, environment, defaults);
  refuse(problems);
  if (settings.enabled) warnOfNearMisses(environment);
  return settings;
}

/**
 * Reads the settings of a process in which nobody has called `promenade()`, from the environment
 * alone. Options in code may still replace some of them, so only `used` ones need to be right.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, as `resolveSettings` does.
 */
export function environmentSettings(
  used: readonly (keyof Settings)[],
  environment: Environment = processEnvironment(),
): EnvironmentSettings {
  const { settings, problems, given } = read({}, environment, {});
  refuse(problems.filter(({ option }) => used.includes(option as keyof Settings)));
  return { ...settings, switchedOff: given.has('enabled') && !settings.enabled };
}

/** What the environment alone says. */
export interface EnvironmentSettings extends Settings {
  /** True if METRICS_ENABLED is set, to false. */
  readonly switchedOff: boolean;
}

interface Problem {
  readonly option: string;
  readonly text: string;
  readonly inEnvironment: boolean;
}

/** What was read, and what is wrong with it. */
interface Reading {
  readonly settings: Settings;
  readonly given: ReadonlyMap<string, Value>;
  readonly problems: readonly Problem[];
}

function read(options: SettingsOptions, environment: Environment, defaults: Partial<Settings>): Reading {
  const problems = unknownOptions(options);
  const settings: Record<string, unknown> = {};
  const given = new Map<string, Value>();
  for (const [option, setting] of Object.entries(settingsTable)) {
    const value = valueOf(option, setting, options, environment, problems);
    if (value !== undefined) given.set(option, value);
    settings[option] = value === undefined ? setting.default : value.value;
    if (value === undefined && Object.hasOwn(defaults, option)) settings[option] = defaults[option as keyof Settings];
  }
  const host = given.get('host');
  if (host !== undefined && settings['port'] === undefined && !problems.some(({ option }) => option === 'port')) {
    problems.push({ option: 'host', inEnvironment: host.inEnvironment, text: hostWithoutPort(host.name, environment) });
  }
  // Metrics that are off never stop an application because of what is in its environment.
  const off = settings['enabled'] === false && !problems.some(({ option }) => option === 'enabled');
  return {
    settings: Object.freeze(settings) as unknown as Settings,
    given,
    problems: off ? problems.filter(({ inEnvironment }) => !inEnvironment) : problems,
  };
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const text = problems.map((problem) => problem.text).join('. ');
  throw new MetricsError('ERR_METRICS_INVALID_SETTING', `Invalid metrics settings: ${text}.`);
}

/** A setting's value, and where it comes from. */
interface Value {
  readonly name: string;
  readonly value: unknown;
  readonly inEnvironment: boolean;
}

/** Returns the value that a setting has been given, in its option, else in its variables. */
function valueOf(
  option: string,
  setting: Setting<unknown>,
  options: SettingsOptions,
  environment: Environment,
  problems: Problem[],
): Value | undefined {
  const fromOption = trimmed(options[option as keyof SettingsOptions]);
  const inEnvironment = fromOption === undefined;
  const sources = inEnvironment
    ? variablesOf(option, setting, environment)
    : [{ name: `option ${option} (${setting.variables[0]})`, raw: fromOption }];
  const values = sources.flatMap(({ name, raw }) => {
    try {
      return [{ name, value: setting.parse(raw), inEnvironment }];
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      problems.push({ option, inEnvironment, text: `${name}: ${error.message}` });
      return [];
    }
  });
  const other = values.find(({ value }) => String(value) !== String(values[0]!.value));
  if (other !== undefined) {
    problems.push({ option, inEnvironment, text: `${other.name} contradicts ${values[0]!.name}; set one of them` });
  }
  return values[0];
}

/** Returns the variables of a setting that are set: PROMENADE_* alone where it is one of them. */
function variablesOf(
  option: string,
  setting: Setting<unknown>,
  environment: Environment,
): { readonly name: string; readonly raw: string }[] {
  // The role of a process is not that of its threads.
  if (option === 'role' && !isMainThread) return [];
  const set = spellingsOf(setting).flatMap((name) => {
    const raw = environment[name]?.trim() ?? '';
    return raw === '' || (option === 'port' && isServiceLink(raw)) ? [] : [{ name, raw }];
  });
  return set[0]?.name.startsWith('PROMENADE_') ? set.slice(0, 1) : set;
}

function hostWithoutPort(name: string, environment: Environment): string {
  const link = environment['METRICS_PORT'] ?? '';
  return isServiceLink(link)
    ? `${name} has no meaning without METRICS_PORT, which is a service link here (${link.trim().slice(0, 60)}); set PROMENADE_PORT`
    : `${name} has no meaning without METRICS_PORT; set both, or neither`;
}

function trimmed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  return text === '' ? undefined : text;
}

function unknownOptions(options: SettingsOptions): Problem[] {
  const known = Object.keys(settingsTable);
  return Object.keys(options)
    .filter((option) => !known.includes(option))
    .map((option) => {
      const nearest = closestName(option, known);
      const fix = nearest === undefined ? '; remove it' : ` (did you mean ${nearest}?)`;
      return { option, inEnvironment: false, text: `there is no option ${option}${fix}` };
    });
}

const told: Set<string> = new Set();

/** Warns once of each variable. */
function warnOfNearMisses(environment: Environment): void {
  const known = Object.values<Setting<unknown>>(settingsTable).map((setting) => [
    ...setting.variables,
    ...spellingsOf(setting),
  ]);
  const misses = nearMisses(environment, known).filter((miss) => !told.has(miss));
  if (misses.length === 0) return;
  for (const miss of misses) told.add(miss);
  process.emitWarning(`Unknown metrics settings in the environment are ignored: ${misses.join(', ')}.`, {
    type: 'MetricsWarning',
    code: 'WARN_METRICS_UNKNOWN_SETTING',
  });
}

/**
 * One state for one build, however many copies of it a process loads: as ES modules and as
 * CommonJS, from the application's node_modules and from a library's own, inside a bundle and beside
 * it. The build ends every published file with `oneCopy()`, so that all copies export the classes,
 * the registry and the maps of the first.
 */

/** Its number changes with the layout of the state below. */
const kState: unique symbol = Symbol.for('promenade.state.1');

interface State {
  /** What the files of each build export, by their names. */
  readonly builds: Map<string, Map<string, object>>;
  /** The versions of those builds. */
  readonly versions: string[];
}

/**
 * Returns what a published file exports in this process: `made` if this is the first copy of it.
 *
 * Other builds differ inside, so they share nothing; a process that loads two is warned once.
 *
 * @param build the digest of the build.
 * @param version the version of the package, for the warning.
 */
export function oneCopy<T extends object>(build: string, version: string, file: string, made: T): T {
  const files = filesOf(build, version);
  const first = files.get(file) as T | undefined;
  if (!first) files.set(file, made);
  return first ?? made;
}

function filesOf(build: string, version: string): Map<string, object> {
  const holder = globalThis as { [kState]?: State };
  const state = (holder[kState] ??= { builds: new Map(), versions: [] });
  let files = state.builds.get(build);
  if (!files) {
    files = new Map();
    state.builds.set(build, files);
    state.versions.push(version);
    if (state.builds.size === 2) warn(state.versions);
  }
  return files;
}

function warn(versions: readonly string[]): void {
  process.emitWarning(
    `two builds of promenade are loaded in this process (${versions.join(' and ')}), and each counts by itself: ` +
      'without a metrics directory, the page shows the numbers of one only. Install one version: `npm ls promenade` ' +
      'shows who asks for which, and `npm dedupe` or an entry in "overrides" makes them one. A library names ' +
      'promenade in its peerDependencies',
    { type: 'MetricsWarning', code: 'WARN_METRICS_TWO_BUILDS' },
  );
}

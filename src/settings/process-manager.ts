import { type Environment, processEnvironment } from './environment.ts';

/** An application that PM2 runs in several processes, none of which is the others' primary. */
export interface Pm2Application {
  /** PM2's folder, where it keeps what its processes share. */
  readonly home: string;
  readonly name: string;
}

/** Returns the application that PM2 runs this process for; `undefined` where it is not PM2's. */
export function pm2Application(environment: Environment = processEnvironment()): Pm2Application | undefined {
  const { PM2_HOME: home, pm_id: id, name = 'app' } = environment;
  return home === undefined || home === '' || id === undefined ? undefined : { home, name };
}

import { type Environment, processEnvironment } from './environment.ts';

/**
 * True if the process says that it is a development server: NODE_ENV is `development`. Read when
 * asked, since frameworks set it after their first imports.
 */
export function isDevelopment(environment: Environment = processEnvironment()): boolean {
  return environment['NODE_ENV'] === 'development';
}

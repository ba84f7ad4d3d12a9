// By its default, since webpack tries to follow `createRequire` by name, and warns that it can't.
import nodeModule from 'node:module';
import { join } from 'node:path';

/** What koffi exports. */
export type Koffi = typeof import('koffi');

/**
 * Loads koffi, which no bundler may take into a bundle, since it is a native addon: from the
 * package's own place; where a bundler has moved this code, from beside the program that runs or
 * from the working directory.
 *
 * @throws what the first place says, if none of them has it.
 */
export function loadKoffi(): Koffi {
  // A bundler to CommonJS leaves import.meta empty; one to ES modules may write the place of the
  // machine that it ran on.
  const places = [import.meta.url as string | undefined, process.argv[1], join(process.cwd(), 'index.js')];
  let failure: unknown;
  for (const place of places) {
    if (place === undefined) continue;
    try {
      return nodeModule.createRequire(place)('koffi') as Koffi;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

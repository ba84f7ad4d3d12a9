import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'rolldown';
import { ROOT } from './modules.ts';

/**
 * Builds one module of `src` with what it imports, for programs that tests run with Node, which
 * can't read TypeScript: what ships has no module but the public entries. Returns its URL.
 */
export async function builtModule(path: string): Promise<string> {
  const file = join(ROOT, '.cache/built', `${path}.mjs`);
  await build({
    input: join(ROOT, 'src', `${path}.ts`),
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    output: { file, format: 'es' },
  });
  return pathToFileURL(file).href;
}

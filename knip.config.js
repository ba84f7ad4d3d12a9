import { readFileSync } from 'node:fs';

const { bin, exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/** The sources of what package.json exports, and of the command. */
const entries = [...Object.values(exports), ...Object.values(bin)]
  .filter((target) => target.endsWith('.js'))
  .map((target) => target.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts'));

export default {
  // A type that an exported function names, or an error that only its own file throws, is exported
  // for its users.
  ignoreExportsUsedInFile: true,
  // One number may be two things; and tests run programs of the system.
  rules: { duplicates: 'off', binaries: 'off' },
  workspaces: {
    '.': {
      entry: [
        ...entries,
        'test/**/*.test.ts',
        'test/**/*.newer-node.ts',
        'test/support/newer-node.config.ts',
        'test/global-setup.ts',
        // Run by other processes, or compiled by name.
        'test/fixtures/**',
        'test/dist/scripts/*',
        'test/types/fixtures/*',
      ],
      project: ['src/**/*.ts', 'test/**/*.{ts,cts,mjs,cjs}'],
      // Run as a program, by its file's path.
      ignoreDependencies: ['@arethetypeswrong/cli'],
    },
    inventory: { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    // Loaded by path, from test/support/oldest.ts.
    'test/versions/*': { entry: [], project: [], ignoreDependencies: [/./] },
    bench: { entry: ['src/main.ts', 'src/adapters/*.ts'], project: ['src/**/*.ts'] },
  },
};

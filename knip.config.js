import { entrySources } from './scripts/entries.mjs';

/** The sources of what package.json exports, of the command, and of what the build adds. */
const entries = [...Object.values(entrySources()), 'src/cli/main.ts', 'src/one-copy.ts'];

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
        'scripts/{build,new-adapter}.mjs',
        'test/**/*.test.ts',
        'test/**/*.newer-node.ts',
        'test/support/newer-node.config.ts',
        'test/global-setup.ts',
        // Run by other processes, or compiled by name.
        'test/fixtures/**',
        'test/dist/scripts/*',
        'test/types/fixtures/*',
      ],
      project: ['src/**/*.ts', 'scripts/*.mjs', 'test/**/*.{ts,cts,mjs,cjs}'],
      // Run as a program, by its file's path.
      ignoreDependencies: ['@arethetypeswrong/cli'],
    },
    inventory: { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    // Loaded by path, from test/support/oldest.ts.
    'test/versions/*': { entry: [], project: [], ignoreDependencies: [/./] },
    bench: { entry: ['src/main.ts', 'src/adapters/*.ts'], project: ['src/**/*.ts'] },
  },
};

import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ROOT } from '../support/modules.ts';
import { packageFolder } from '../support/oldest.ts';
import { type Run, tool, UserProject } from './user-project.ts';

/** Counts into a directory, and prints its own page and what is in the directory. */
const PROGRAM = `
import { createServer } from 'node:http';
import { readdirSync } from 'node:fs';
import { Counter } from 'promenade';
import { promenade } from 'promenade/http';

const orders = new Counter({ name: 'orders_total', help: 'Orders.', labelNames: ['country'] });
const metrics = promenade({ enabled: true });
const server = createServer((request, response) => {
  if (metrics.serve(request, response)) return;
  orders.labels({ country: 'is' }).inc();
  response.end();
});
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as { port: number };
  const url = 'http://127.0.0.1:' + port;
  for (let i = 0; i < 3; i++) await (await fetch(url + '/orders')).text();
  const page = await (await fetch(url + '/metrics')).text();
  console.log(page.split('\\n').find((line) => line.startsWith('orders_total{')));
  console.log(page.split('\\n').find((line) => line.startsWith('http_server_requests_total')));
  console.log(readdirSync(process.env['PROMETHEUS_MULTIPROC_DIR']!).some((file) => file.endsWith('.cells')));
  process.exit(0);
});
`;
const WITHOUT_TYPES = PROGRAM.replace(' as { port: number }', '').replace(']!)', '])');
const RIGHT = { status: 0, stderr: '' };

// Compilers and bundlers take their time on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const projects: UserProject[] = [];
afterAll(() => projects.forEach((project) => project.remove()));

function newProject(manifest: Readonly<Record<string, unknown>> = {}): UserProject {
  const project = new UserProject(manifest);
  projects.push(project);
  return project;
}

/** Runs a built program with a directory of its own, and holds what it prints. */
function expectItCounts(project: UserProject, program: string): void {
  const directory = join(project.folder, 'metrics', program.replaceAll('/', '-'));
  const { stdout, ...rest } = project.node([program], { PROMETHEUS_MULTIPROC_DIR: directory });
  expect(rest).toEqual(RIGHT);
  expect(stdout.split('\n')).toEqual([
    'orders_total{country="is"} 3',
    expect.stringMatching(/^http_server_requests_total\{.*\} 3$/),
    'true',
    '',
  ]);
}

describe('TypeScript to JavaScript', () => {
  const TYPESCRIPTS = {
    '5.4': packageFolder({ package: 'typescript', workspace: 'typescript' }),
    '5.9': tool('typescript'),
    '7': join(ROOT, 'node_modules/typescript'),
  };
  const MATRIX = [
    ['5.4', 'commonjs', 'node10', 'commonjs'],
    ['5.4', 'node16', 'node16', 'commonjs'],
    ['5.4', 'nodenext', 'nodenext', 'commonjs'],
    ['5.4', 'nodenext', 'nodenext', 'module'],
    ['5.9', 'commonjs', 'node10', 'commonjs'],
    ['5.9', 'node16', 'node16', 'commonjs'],
    ['5.9', 'node18', 'node16', 'commonjs'],
    ['5.9', 'node18', 'node16', 'module'],
    ['5.9', 'nodenext', 'nodenext', 'commonjs'],
    ['5.9', 'preserve', 'bundler', 'module'],
    ['7', 'node18', 'node16', 'commonjs'],
    ['7', 'nodenext', 'nodenext', 'commonjs'],
    ['7', 'nodenext', 'nodenext', 'module'],
  ] as const;

  test.each(MATRIX)('%s, module %s, resolution %s, type %s', (version, module, moduleResolution, type) => {
    const project = newProject({ type });
    project.use('@types/node', 'undici-types');
    const compilerOptions = {
      target: 'es2022',
      module,
      moduleResolution,
      strict: true,
      esModuleInterop: true,
      skipLibCheck: false,
      types: ['node'],
      rootDir: '.',
      outDir: 'out',
    };
    project.write({ 'main.ts': PROGRAM, 'tsconfig.json': JSON.stringify({ compilerOptions, files: ['main.ts'] }) });
    const compiled = project.node([join(TYPESCRIPTS[version], 'bin/tsc'), '-p', '.']);
    expect(compiled).toEqual({ ...RIGHT, stdout: '' });
    expectItCounts(project, 'out/main.js');
  });

  test("as Nest's template has it", () => {
    const project = newProject();
    project.use('@types/node', 'undici-types', 'reflect-metadata', 'rxjs');
    project.use('@nestjs/common', '@nestjs/core', '@nestjs/platform-express');
    const compilerOptions = {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      resolvePackageJsonExports: true,
      esModuleInterop: true,
      isolatedModules: true,
      declaration: true,
      removeComments: true,
      emitDecoratorMetadata: true,
      experimentalDecorators: true,
      allowSyntheticDefaultImports: true,
      target: 'ES2023',
      sourceMap: true,
      rootDir: 'src',
      outDir: './dist',
      incremental: true,
      skipLibCheck: true,
      strictNullChecks: true,
      forceConsistentCasingInFileNames: true,
      noImplicitAny: false,
      strictBindCallApply: false,
      noFallthroughCasesInSwitch: false,
      types: ['node'],
    };
    project.write({
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'] }),
      'src/app.controller.ts': `
import { Controller, Get } from '@nestjs/common';
@Controller('cats')
export class AppController {
  @Get(':name')
  getCat(): string {
    return 'cat';
  }
}
`,
      'src/app.module.ts': `
import { Module } from '@nestjs/common';
import { AppController } from './app.controller';
@Module({ controllers: [AppController] })
export class AppModule {}
`,
      'src/main.ts': `
import { NestFactory } from '@nestjs/core';
import { promenade } from 'promenade/nest';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  promenade(app, { enabled: true });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  await (await fetch('http://127.0.0.1:' + port + '/cats/tom')).text();
  const page = await (await fetch('http://127.0.0.1:' + port + '/metrics')).text();
  console.log(page.split('\\n').find((line) => line.startsWith('http_server_responses_total{')));
  process.exit(0);
}
bootstrap();
`,
    });
    expect(project.node([join(tool('typescript'), 'bin/tsc'), '-p', '.'])).toEqual({ ...RIGHT, stdout: '' });
    const run = project.node(['dist/main.js'], { PROMETHEUS_MULTIPROC_DIR: join(project.folder, 'metrics') });
    expect(run).toEqual({ ...RIGHT, stdout: expect.stringMatching(/route="\/cats\/:name".*status="200".*\} 1\n$/) });
  });
});

describe('Jest', () => {
  const TESTS = `
test('counts into the directory, once for both ways to load it', async () => {
  const { defaultRegistry } = await import('promenade');
  const orders = new Counter({ name: 'orders_total', help: 'Orders.' });
  orders.inc(2);
  const middleware = promenade({ enabled: true });
  expect(typeof middleware).toBe('function');
  client.register.clear();
  new client.Counter({ name: 'sent_total', help: 'Sent.' }).inc();
  expect(await client.register.metrics()).toContain('sent_total 1');
  const { families } = await defaultRegistry.snapshot();
  const family = families.find(({ definition }) => definition.name.startsWith('orders'));
  expect(family.values[0]).toBe(2);
  expect(readdirSync(process.env.PROMETHEUS_MULTIPROC_DIR).some((file) => file.endsWith('.cells'))).toBe(true);
  await middleware.close();
});
`;
  const REQUIRES = `
const { readdirSync } = require('node:fs');
const { Counter } = require('promenade');
const { promenade } = require('promenade/express');
const client = require('promenade/prom-client');
${TESTS.replace("await import('promenade')", "require('promenade')")}`;
  const IMPORTS = `
import { readdirSync } from 'node:fs';
import { Counter } from 'promenade';
import { promenade } from 'promenade/express';
import client from 'promenade/prom-client';
${TESTS}`;
  const TYPED = IMPORTS.replace('family.values', 'family!.values').replace(
    'PROMETHEUS_MULTIPROC_DIR)',
    'PROMETHEUS_MULTIPROC_DIR!)',
  );

  function jest(project: UserProject): Run {
    return project.node([join(tool('jest'), 'bin/jest.js'), '--runInBand', '--no-cache'], {
      CI: '1',
      PROMETHEUS_MULTIPROC_DIR: join(project.folder, 'metrics'),
    });
  }

  test.each([
    ['CommonJS as it comes', { 'a.test.js': REQUIRES }, {}],
    [
      'babel',
      { 'a.test.js': IMPORTS },
      {
        transform: {
          '\\.js$': [
            tool('babel-jest'),
            { presets: [[tool('@babel/preset-env'), { targets: { node: 'current' } }]], babelrc: false },
          ],
        },
      },
    ],
    [
      'ts-jest',
      {
        'a.test.ts': TYPED,
        'tsconfig.json': JSON.stringify({
          compilerOptions: {
            module: 'commonjs',
            target: 'es2022',
            strict: true,
            esModuleInterop: true,
            types: ['node', 'jest'],
          },
        }),
      },
      { transform: { '\\.ts$': [tool('ts-jest'), { compiler: tool('typescript') }] } },
    ],
  ] as const)('%s', (_, files, configuration) => {
    const project = newProject({ jest: { testEnvironment: 'node', ...configuration } });
    project.use('@types/node', 'undici-types', '@types/jest', 'expect');
    project.write(files);
    const { status, stderr } = jest(project);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('Tests:       1 passed') });
  });
});

describe('Vitest', () => {
  test('as it comes', () => {
    const project = newProject({ type: 'module' });
    project.use('vitest');
    project.write({
      'a.test.js': `
import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Counter, defaultRegistry } from 'promenade';
test('counts, also after its modules were reset', async () => {
  new Counter({ name: 'orders_total', help: 'Orders.' }).inc(2);
  vi.resetModules();
  const again = await import('promenade');
  expect(again.defaultRegistry).toBe(defaultRegistry);
  const { promenade } = await import('promenade/http');
  promenade({ enabled: true });
  expect(readdirSync(process.env.PROMETHEUS_MULTIPROC_DIR).some((file) => file.endsWith('.cells'))).toBe(true);
});
`,
    });
    const { status, stdout } = project.node([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'], {
      CI: '1',
      NO_COLOR: '1',
      PROMETHEUS_MULTIPROC_DIR: join(project.folder, 'metrics'),
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/Tests\s+1 passed/) });
  });
});

describe('bundlers', () => {
  /** A bundle of the program, made by a script in the project; `files` are what is built. */
  function expectItBundles(script: string, outputs: readonly string[]): void {
    const project = newProject();
    project.write({ 'main.js': WITHOUT_TYPES, 'bundle.cjs': script });
    expect(project.node(['bundle.cjs'])).toEqual({ ...RIGHT, stdout: '0 warnings\n'.repeat(outputs.length) });
    for (const output of outputs) expectItCounts(project, output);
  }

  test('esbuild', () => {
    expectItBundles(
      `const { build } = require(${JSON.stringify(tool('esbuild'))});
(async () => {
  for (const [format, outfile] of [['cjs', 'out/main.cjs'], ['esm', 'out/main.mjs']]) {
    const { warnings } = await build({ entryPoints: ['main.js'], bundle: true, platform: 'node', format, outfile });
    console.log(warnings.length + ' warnings');
  }
})();`,
      ['out/main.cjs', 'out/main.mjs'],
    );
  });

  test('webpack', () => {
    expectItBundles(
      `const webpack = require(${JSON.stringify(tool('webpack'))});
const common = { mode: 'production', target: 'node20', entry: './main.js', context: __dirname };
const path = __dirname + '/out';
webpack([
  { ...common, output: { path, filename: 'main.cjs' } },
  { ...common, output: { path, filename: 'main.mjs', module: true, chunkFormat: 'module' }, experiments: { outputModule: true } },
], (error, all) => {
  if (error) throw error;
  for (const stats of all.stats) {
    const { errors, warnings } = stats.toJson({ errors: true, warnings: true });
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    console.log(warnings.length + ' warnings');
  }
});`,
      ['out/main.cjs', 'out/main.mjs'],
    );
  });

  test('rollup', () => {
    expectItBundles(
      `const { rollup } = require(${JSON.stringify(tool('rollup'))});
const { nodeResolve } = require(${JSON.stringify(tool('@rollup/plugin-node-resolve'))});
(async () => {
  for (const [format, file] of [['cjs', 'out/main.cjs'], ['es', 'out/main.mjs']]) {
    let warnings = 0;
    const plugins = [nodeResolve({ exportConditions: ['node'], preferBuiltins: true })];
    const bundle = await rollup({ input: 'main.js', plugins, external: /^node:/, onwarn: () => warnings++ });
    await bundle.write({ format, file, inlineDynamicImports: true });
    console.log(warnings + ' warnings');
  }
})();`,
      ['out/main.cjs', 'out/main.mjs'],
    );
  });
});

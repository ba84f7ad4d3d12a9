/** A part of the catalogue: a folder of `adapters/`, with its own contract suite. */
export type AdapterCategory = 'http' | 'database' | 'model' | 'cache' | 'job' | 'tracing';

/**
 * A package as it is installed: by its name (or its alias) at the root, or in a workspace below
 * test/versions.
 */
export type TestedPackage = string | { readonly package: string; readonly workspace: string };

/** The versions of a library that an adapter supports, and the packages that test both ends. */
export interface LibraryRange {
  /** Its name on npm. */
  readonly library: string;
  /** The first version that works. */
  readonly from: string;
  /** The newest major that works; each minor between them is supposed to. */
  readonly to: string;
  /** Oldest version first. */
  readonly testedWith: readonly TestedPackage[];
}

/** An adapter: an entry of the package, with a source, a test and a page of its name. */
export interface Adapter {
  readonly name: string;
  readonly category: AdapterCategory;
  /** What it is for, as the documentation's table says. */
  readonly measures: string;
  /** The heading of that table, where it is not the category's. */
  readonly section?: 'http-client';
  /** The first version, where no library says it. */
  readonly from?: string;
  /** The main library first; a library is in it twice where its majors are tested apart. */
  readonly libraries: readonly LibraryRange[];
}

/**
 * All adapters, in the order of the documentation. `npm run catalogue` writes the exports of
 * package.json and the tables of the documentation from it.
 */
export const ADAPTERS: readonly Adapter[] = [
  {
    name: 'fastify',
    category: 'http',
    measures: 'Fastify',
    libraries: [{ library: 'fastify', from: '5.0.0', to: '5', testedWith: ['fastify-5-0', 'fastify'] }],
  },
  {
    name: 'express',
    category: 'http',
    measures: 'Express',
    libraries: [
      { library: 'express', from: '4.18.0', to: '4', testedWith: ['express-4-18', 'express4'] },
      { library: 'express', from: '5.0.0', to: '5', testedWith: ['express-5-0', 'express'] },
    ],
  },
  {
    name: 'koa',
    category: 'http',
    measures: 'Koa with @koa/router',
    libraries: [
      { library: 'koa', from: '2.16.0', to: '3', testedWith: [{ package: 'koa', workspace: 'frameworks' }, 'koa'] },
      {
        library: '@koa/router',
        from: '12.0.0',
        to: '15',
        testedWith: [{ package: '@koa/router', workspace: 'frameworks' }, '@koa/router'],
      },
    ],
  },
  {
    name: 'hono',
    category: 'http',
    measures: 'Hono on @hono/node-server',
    libraries: [
      { library: 'hono', from: '4.0.0', to: '4', testedWith: [{ package: 'hono', workspace: 'frameworks' }, 'hono'] },
      {
        library: '@hono/node-server',
        from: '1.11.0',
        to: '2',
        testedWith: [{ package: '@hono/node-server', workspace: 'frameworks' }, '@hono/node-server'],
      },
    ],
  },
  {
    name: 'nest',
    category: 'http',
    measures: 'NestJS, on Express and on Fastify',
    libraries: [
      {
        library: '@nestjs/core',
        from: '11.0.3',
        to: '12',
        testedWith: [{ package: '@nestjs/core', workspace: 'frameworks' }, '@nestjs/core'],
      },
      {
        library: '@nestjs/platform-express',
        from: '11.0.3',
        to: '12',
        testedWith: [{ package: '@nestjs/platform-express', workspace: 'frameworks' }, '@nestjs/platform-express'],
      },
      {
        library: '@nestjs/platform-fastify',
        from: '11.0.3',
        to: '12',
        testedWith: [{ package: '@nestjs/platform-fastify', workspace: 'frameworks' }, '@nestjs/platform-fastify'],
      },
    ],
  },
  {
    name: 'next',
    category: 'http',
    measures: 'Next',
    libraries: [
      { library: 'next', from: '15.1.0', to: '16', testedWith: [{ package: 'next', workspace: 'frameworks' }, 'next'] },
    ],
  },
  {
    name: 'http',
    category: 'http',
    measures: 'node:http, and servers of your own',
    from: 'all of Node',
    libraries: [],
  },
  {
    name: 'http-client',
    category: 'http',
    measures: 'fetch, undici, node:http',
    section: 'http-client',
    from: 'all of Node',
    libraries: [],
  },
  {
    name: 'pg',
    category: 'database',
    measures: 'pg',
    libraries: [
      { library: 'pg', from: '8.10.0', to: '8', testedWith: [{ package: 'pg', workspace: 'database' }, 'pg'] },
    ],
  },
  {
    name: 'postgres',
    category: 'database',
    measures: 'postgres.js',
    libraries: [
      {
        library: 'postgres',
        from: '3.0.0',
        to: '3',
        testedWith: [{ package: 'postgres', workspace: 'database' }, 'postgres'],
      },
    ],
  },
  {
    name: 'mysql2',
    category: 'database',
    measures: 'mysql2',
    libraries: [
      {
        library: 'mysql2',
        from: '3.0.0',
        to: '3',
        testedWith: [{ package: 'mysql2', workspace: 'database' }, 'mysql2'],
      },
    ],
  },
  {
    name: 'mariadb',
    category: 'database',
    measures: 'mariadb',
    libraries: [
      {
        library: 'mariadb',
        from: '3.4.0',
        to: '3',
        testedWith: [{ package: 'mariadb', workspace: 'database' }, 'mariadb'],
      },
    ],
  },
  {
    name: 'better-sqlite3',
    category: 'database',
    measures: 'better-sqlite3',
    libraries: [{ library: 'better-sqlite3', from: '12.11.1', to: '12', testedWith: ['better-sqlite3'] }],
  },
  { name: 'node-sqlite', category: 'database', measures: 'node:sqlite', from: 'Node 22.5', libraries: [] },
  {
    name: 'libsql',
    category: 'database',
    measures: '@libsql/client',
    libraries: [
      {
        library: '@libsql/client',
        from: '0.14.0',
        to: '0',
        testedWith: [{ package: '@libsql/client', workspace: 'database' }, '@libsql/client'],
      },
    ],
  },
  {
    name: 'mongodb',
    category: 'database',
    measures: 'mongodb',
    libraries: [
      {
        library: 'mongodb',
        from: '6.0.0',
        to: '7',
        testedWith: [{ package: 'mongodb', workspace: 'database' }, 'mongodb'],
      },
    ],
  },
  {
    name: 'prisma',
    category: 'model',
    measures: 'Prisma',
    libraries: [
      {
        library: 'prisma',
        from: '6.16.0',
        to: '7',
        testedWith: [{ package: 'prisma', workspace: 'models' }, 'prisma'],
      },
    ],
  },
  {
    name: 'drizzle',
    category: 'model',
    measures: 'Drizzle',
    libraries: [
      {
        library: 'drizzle-orm',
        from: '0.30.0',
        to: '0',
        testedWith: [{ package: 'drizzle-orm', workspace: 'models' }, 'drizzle-orm'],
      },
    ],
  },
  {
    name: 'typeorm',
    category: 'model',
    measures: 'TypeORM',
    libraries: [
      {
        library: 'typeorm',
        from: '0.3.20',
        to: '1',
        testedWith: [{ package: 'typeorm', workspace: 'models' }, 'typeorm'],
      },
    ],
  },
  {
    name: 'sequelize',
    category: 'model',
    measures: 'Sequelize',
    libraries: [
      {
        library: 'sequelize',
        from: '6.28.0',
        to: '6',
        testedWith: [{ package: 'sequelize', workspace: 'models' }, 'sequelize'],
      },
    ],
  },
  {
    name: 'mikro-orm',
    category: 'model',
    measures: 'MikroORM',
    libraries: [
      {
        library: '@mikro-orm/postgresql',
        from: '6.0.2',
        to: '6',
        testedWith: [{ package: '@mikro-orm/postgresql', workspace: 'models' }, '@mikro-orm/postgresql'],
      },
    ],
  },
  {
    name: 'kysely',
    category: 'model',
    measures: 'Kysely',
    libraries: [
      {
        library: 'kysely',
        from: '0.27.0',
        to: '0',
        testedWith: [
          { package: 'kysely', workspace: 'models' },
          'kysely',
          { package: 'kysely-0-29', workspace: 'models' },
        ],
      },
    ],
  },
  {
    name: 'knex',
    category: 'model',
    measures: 'Knex, and Objection on it',
    libraries: [
      { library: 'knex', from: '3.0.1', to: '3', testedWith: [{ package: 'knex', workspace: 'models' }, 'knex'] },
      {
        library: 'objection',
        from: '3.0.0',
        to: '3',
        testedWith: [{ package: 'objection', workspace: 'models' }, 'objection'],
      },
    ],
  },
  {
    name: 'mongoose',
    category: 'model',
    measures: 'Mongoose',
    libraries: [
      {
        library: 'mongoose',
        from: '8.0.0',
        to: '9',
        testedWith: [{ package: 'mongoose', workspace: 'models' }, 'mongoose'],
      },
    ],
  },
  {
    name: 'ioredis',
    category: 'cache',
    measures: 'ioredis',
    libraries: [
      {
        library: 'ioredis',
        from: '5.0.0',
        to: '6',
        testedWith: [{ package: 'ioredis', workspace: 'caches' }, 'ioredis'],
      },
    ],
  },
  {
    name: 'redis',
    category: 'cache',
    measures: 'redis (node-redis)',
    libraries: [
      {
        library: 'redis',
        from: '4.0.0',
        to: '6',
        testedWith: [{ package: 'redis-4', workspace: 'caches' }, { package: 'redis', workspace: 'caches' }, 'redis'],
      },
    ],
  },
  {
    name: 'keyv',
    category: 'cache',
    measures: 'Keyv',
    libraries: [
      {
        library: 'keyv',
        from: '5.0.0',
        to: '6',
        testedWith: [{ package: 'keyv', workspace: 'caches' }, 'keyv', { package: 'keyv-6', workspace: 'caches' }],
      },
    ],
  },
  {
    name: 'cache-manager',
    category: 'cache',
    measures: 'cache-manager',
    libraries: [
      {
        library: 'cache-manager',
        from: '7.0.0',
        to: '7',
        testedWith: [{ package: 'cache-manager', workspace: 'caches' }, 'cache-manager'],
      },
    ],
  },
  {
    name: 'lru-cache',
    category: 'cache',
    measures: 'lru-cache',
    libraries: [
      {
        library: 'lru-cache',
        from: '10.0.0',
        to: '11',
        testedWith: [
          { package: 'lru-cache', workspace: 'caches' },
          { package: 'lru-cache-11-0', workspace: 'caches' },
          'lru-cache',
        ],
      },
    ],
  },
  {
    name: 'memjs',
    category: 'cache',
    measures: 'memjs, for memcached',
    libraries: [
      { library: 'memjs', from: '1.3.0', to: '1', testedWith: [{ package: 'memjs', workspace: 'caches' }, 'memjs'] },
    ],
  },
  { name: 'cache', category: 'cache', measures: 'anything with get and set', from: '-', libraries: [] },
  {
    name: 'bullmq',
    category: 'job',
    measures: 'BullMQ',
    libraries: [
      { library: 'bullmq', from: '5.0.0', to: '5', testedWith: [{ package: 'bullmq', workspace: 'jobs' }, 'bullmq5'] },
      { library: 'bullmq', from: '6.0.0', to: '6', testedWith: [{ package: 'bullmq6', workspace: 'jobs' }, 'bullmq'] },
    ],
  },
  {
    name: 'pg-boss',
    category: 'job',
    measures: 'pg-boss',
    libraries: [
      {
        library: 'pg-boss',
        from: '10.0.0',
        to: '12',
        testedWith: [{ package: 'pg-boss', workspace: 'jobs' }, 'pg-boss', 'pg-boss12'],
      },
    ],
  },
  {
    name: 'graphile-worker',
    category: 'job',
    measures: 'Graphile Worker',
    libraries: [
      {
        library: 'graphile-worker',
        from: '0.16.0',
        to: '0',
        testedWith: [{ package: 'graphile-worker', workspace: 'jobs' }, 'graphile-worker', 'graphile-worker18'],
      },
    ],
  },
  {
    name: 'bee-queue',
    category: 'job',
    measures: 'bee-queue',
    libraries: [
      {
        library: 'bee-queue',
        from: '1.5.0',
        to: '2',
        testedWith: [{ package: 'bee-queue', workspace: 'jobs' }, 'bee-queue'],
      },
    ],
  },
  {
    name: 'agenda',
    category: 'job',
    measures: 'Agenda',
    libraries: [
      { library: 'agenda', from: '6.2.0', to: '6', testedWith: [{ package: 'agenda', workspace: 'jobs' }, 'agenda'] },
      {
        library: '@agendajs/postgres-backend',
        from: '3.0.0',
        to: '3',
        testedWith: [{ package: '@agendajs/postgres-backend', workspace: 'jobs' }, '@agendajs/postgres-backend'],
      },
    ],
  },
  {
    name: 'node-cron',
    category: 'job',
    measures: 'node-cron',
    libraries: [
      {
        library: 'node-cron',
        from: '4.0.0',
        to: '4',
        testedWith: [{ package: 'node-cron', workspace: 'jobs' }, 'node-cron'],
      },
    ],
  },
  {
    name: 'croner',
    category: 'job',
    measures: 'croner',
    libraries: [
      { library: 'croner', from: '9.0.0', to: '11', testedWith: [{ package: 'croner', workspace: 'jobs' }, 'croner'] },
    ],
  },
  { name: 'job', category: 'job', measures: 'any function, any queue of your own', from: '-', libraries: [] },
  {
    name: 'opentelemetry',
    category: 'tracing',
    measures: 'exemplars with the trace and span of OpenTelemetry',
    from: '1',
    libraries: [],
  },
];

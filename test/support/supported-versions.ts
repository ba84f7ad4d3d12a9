/**
 * A package as it is installed: by its name (or its alias) at the root, or in a workspace below
 * test/versions.
 */
export type TestedPackage = string | { readonly package: string; readonly workspace: string };

/** What of a library an adapter supports, and the packages with which its ends are tested. */
export interface SupportedVersions {
  readonly adapter: string;
  readonly library: string;
  /** The first and the newest major that work; each minor between them is supposed to. */
  readonly from: string;
  readonly to: string;
  /** Oldest version first. */
  readonly testedWith: readonly TestedPackage[];
}

/** All of them, in the order of the documentation's pages. */
export const supportedVersions: readonly SupportedVersions[] = [
  {
    adapter: 'better-sqlite3',
    library: 'better-sqlite3',
    from: '12.11.1',
    to: '12',
    testedWith: ['better-sqlite3'],
  },
  {
    adapter: 'bullmq',
    library: 'bullmq',
    from: '5.0.0',
    to: '5',
    testedWith: [{ package: 'bullmq', workspace: 'jobs' }, 'bullmq5'],
  },
  {
    adapter: 'bullmq',
    library: 'bullmq',
    from: '6.0.0',
    to: '6',
    testedWith: [{ package: 'bullmq6', workspace: 'jobs' }, 'bullmq'],
  },
  { adapter: 'express', library: 'express', from: '4.18.0', to: '4', testedWith: ['express-4-18', 'express4'] },
  { adapter: 'express', library: 'express', from: '5.0.0', to: '5', testedWith: ['express-5-0', 'express'] },
  { adapter: 'fastify', library: 'fastify', from: '5.0.0', to: '5', testedWith: ['fastify-5-0', 'fastify'] },
  {
    adapter: 'hono',
    library: 'hono',
    from: '4.0.0',
    to: '4',
    testedWith: [{ package: 'hono', workspace: 'frameworks' }, 'hono'],
  },
  {
    adapter: 'hono',
    library: '@hono/node-server',
    from: '1.11.0',
    to: '2',
    testedWith: [{ package: '@hono/node-server', workspace: 'frameworks' }, '@hono/node-server'],
  },
  {
    adapter: 'koa',
    library: 'koa',
    from: '2.16.0',
    to: '3',
    testedWith: [{ package: 'koa', workspace: 'frameworks' }, 'koa'],
  },
  {
    adapter: 'koa',
    library: '@koa/router',
    from: '12.0.0',
    to: '15',
    testedWith: [{ package: '@koa/router', workspace: 'frameworks' }, '@koa/router'],
  },
  {
    adapter: 'nest',
    library: '@nestjs/core',
    from: '11.0.3',
    to: '12',
    testedWith: [{ package: '@nestjs/core', workspace: 'frameworks' }, '@nestjs/core'],
  },
  {
    adapter: 'nest',
    library: '@nestjs/platform-express',
    from: '11.0.3',
    to: '12',
    testedWith: [{ package: '@nestjs/platform-express', workspace: 'frameworks' }, '@nestjs/platform-express'],
  },
  {
    adapter: 'nest',
    library: '@nestjs/platform-fastify',
    from: '11.0.3',
    to: '12',
    testedWith: [{ package: '@nestjs/platform-fastify', workspace: 'frameworks' }, '@nestjs/platform-fastify'],
  },
  {
    adapter: 'next',
    library: 'next',
    from: '15.1.0',
    to: '16',
    testedWith: [{ package: 'next', workspace: 'frameworks' }, 'next'],
  },
  {
    adapter: 'libsql',
    library: '@libsql/client',
    from: '0.14.0',
    to: '0',
    testedWith: [{ package: '@libsql/client', workspace: 'database' }, '@libsql/client'],
  },
  {
    adapter: 'graphile-worker',
    library: 'graphile-worker',
    from: '0.16.0',
    to: '0',
    testedWith: [{ package: 'graphile-worker', workspace: 'jobs' }, 'graphile-worker', 'graphile-worker18'],
  },
  {
    adapter: 'pg-boss',
    library: 'pg-boss',
    from: '10.0.0',
    to: '12',
    testedWith: [{ package: 'pg-boss', workspace: 'jobs' }, 'pg-boss', 'pg-boss12'],
  },
  {
    adapter: 'agenda',
    library: 'agenda',
    from: '6.2.0',
    to: '6',
    testedWith: [{ package: 'agenda', workspace: 'jobs' }, 'agenda'],
  },
  {
    adapter: 'agenda',
    library: '@agendajs/postgres-backend',
    from: '3.0.0',
    to: '3',
    testedWith: [{ package: '@agendajs/postgres-backend', workspace: 'jobs' }, '@agendajs/postgres-backend'],
  },
  {
    adapter: 'bee-queue',
    library: 'bee-queue',
    from: '1.5.0',
    to: '2',
    testedWith: [{ package: 'bee-queue', workspace: 'jobs' }, 'bee-queue'],
  },
  {
    adapter: 'croner',
    library: 'croner',
    from: '9.0.0',
    to: '11',
    testedWith: [{ package: 'croner', workspace: 'jobs' }, 'croner'],
  },
  {
    adapter: 'node-cron',
    library: 'node-cron',
    from: '4.0.0',
    to: '4',
    testedWith: [{ package: 'node-cron', workspace: 'jobs' }, 'node-cron'],
  },
  {
    adapter: 'mariadb',
    library: 'mariadb',
    from: '3.4.0',
    to: '3',
    testedWith: [{ package: 'mariadb', workspace: 'database' }, 'mariadb'],
  },
  {
    adapter: 'mongodb',
    library: 'mongodb',
    from: '6.0.0',
    to: '7',
    testedWith: [{ package: 'mongodb', workspace: 'database' }, 'mongodb'],
  },
  {
    adapter: 'mongoose',
    library: 'mongoose',
    from: '8.0.0',
    to: '9',
    testedWith: [{ package: 'mongoose', workspace: 'models' }, 'mongoose'],
  },
  {
    adapter: 'mysql2',
    library: 'mysql2',
    from: '3.0.0',
    to: '3',
    testedWith: [{ package: 'mysql2', workspace: 'database' }, 'mysql2'],
  },
  {
    adapter: 'pg',
    library: 'pg',
    from: '8.10.0',
    to: '8',
    testedWith: [{ package: 'pg', workspace: 'database' }, 'pg'],
  },
  {
    adapter: 'postgres',
    library: 'postgres',
    from: '3.0.0',
    to: '3',
    testedWith: [{ package: 'postgres', workspace: 'database' }, 'postgres'],
  },
  {
    adapter: 'ioredis',
    library: 'ioredis',
    from: '5.0.0',
    to: '6',
    testedWith: [{ package: 'ioredis', workspace: 'caches' }, 'ioredis'],
  },
  {
    adapter: 'redis',
    library: 'redis',
    from: '4.0.0',
    to: '6',
    testedWith: [{ package: 'redis-4', workspace: 'caches' }, { package: 'redis', workspace: 'caches' }, 'redis'],
  },
  {
    adapter: 'keyv',
    library: 'keyv',
    from: '5.0.0',
    to: '6',
    testedWith: [{ package: 'keyv', workspace: 'caches' }, 'keyv', { package: 'keyv-6', workspace: 'caches' }],
  },
  {
    adapter: 'cache-manager',
    library: 'cache-manager',
    from: '7.0.0',
    to: '7',
    testedWith: [{ package: 'cache-manager', workspace: 'caches' }, 'cache-manager'],
  },
  {
    adapter: 'lru-cache',
    library: 'lru-cache',
    from: '10.0.0',
    to: '11',
    testedWith: [
      { package: 'lru-cache', workspace: 'caches' },
      { package: 'lru-cache-11-0', workspace: 'caches' },
      'lru-cache',
    ],
  },
  {
    adapter: 'memjs',
    library: 'memjs',
    from: '1.3.0',
    to: '1',
    testedWith: [{ package: 'memjs', workspace: 'caches' }, 'memjs'],
  },
  {
    adapter: 'knex',
    library: 'knex',
    from: '3.0.1',
    to: '3',
    testedWith: [{ package: 'knex', workspace: 'models' }, 'knex'],
  },
  {
    adapter: 'knex',
    library: 'objection',
    from: '3.0.0',
    to: '3',
    testedWith: [{ package: 'objection', workspace: 'models' }, 'objection'],
  },
  {
    adapter: 'kysely',
    library: 'kysely',
    from: '0.27.0',
    to: '0',
    testedWith: [{ package: 'kysely', workspace: 'models' }, 'kysely', { package: 'kysely-0-29', workspace: 'models' }],
  },
  {
    adapter: 'drizzle',
    library: 'drizzle-orm',
    from: '0.30.0',
    to: '0',
    testedWith: [{ package: 'drizzle-orm', workspace: 'models' }, 'drizzle-orm'],
  },
  {
    adapter: 'prisma',
    library: 'prisma',
    from: '6.16.0',
    to: '7',
    testedWith: [{ package: 'prisma', workspace: 'models' }, 'prisma'],
  },
  {
    adapter: 'typeorm',
    library: 'typeorm',
    from: '0.3.20',
    to: '1',
    testedWith: [{ package: 'typeorm', workspace: 'models' }, 'typeorm'],
  },
  {
    adapter: 'mikro-orm',
    library: '@mikro-orm/postgresql',
    from: '6.0.2',
    to: '6',
    testedWith: [{ package: '@mikro-orm/postgresql', workspace: 'models' }, '@mikro-orm/postgresql'],
  },
  {
    adapter: 'sequelize',
    library: 'sequelize',
    from: '6.28.0',
    to: '6',
    testedWith: [{ package: 'sequelize', workspace: 'models' }, 'sequelize'],
  },
];

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './modules.ts';
import { packageFolder } from './oldest.ts';

/** What of a generated client the tests use. */
export interface PrismaModel {
  create(args: object): Promise<unknown>;
  createMany(args: object): Promise<unknown>;
  createManyAndReturn(args: object): Promise<unknown>;
  update(args: object): Promise<unknown>;
  updateMany(args: object): Promise<unknown>;
  upsert(args: object): Promise<unknown>;
  delete(args: object): Promise<unknown>;
  deleteMany(args: object): Promise<unknown>;
  findMany(args: object): Promise<unknown>;
}

export interface PrismaClient {
  readonly author: PrismaModel;
  readonly book: PrismaModel;
  readonly archivedAuthor: PrismaModel;
  $executeRawUnsafe(sql: string): Promise<unknown>;
  $queryRawUnsafe(sql: string): Promise<unknown>;
  $transaction(work: (inside: PrismaClient) => Promise<void>, options?: object): Promise<void>;
  $transaction(queries: readonly Promise<unknown>[]): Promise<unknown[]>;
  $extends(extension: object): PrismaClient;
  $on(event: string, listener: (event: unknown) => void): void;
  $disconnect(): Promise<void>;
}

/**
 * Generates a client for the tables under the contract for models, as `prisma generate` does. That
 * asks for an engine which nobody has to download as long as it isn't run; anything that can be
 * executed will do.
 *
 * @param workspace That of the oldest version, or none.
 * @returns the class.
 */
export async function generatePrismaClient(
  workspace: 'models' | undefined,
  name: 'prisma',
  provider: 'postgresql' | 'sqlite' = 'postgresql',
): Promise<new (options: object) => PrismaClient> {
  const isOldest = workspace !== undefined;
  const prisma = isOldest ? { package: name, workspace } : name;
  // The generator looks for its runtime from here.
  const folder = isOldest ? join(packageFolder(prisma), '../.promenade-prisma') : join(ROOT, '.cache/prisma', provider);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const engine = join(folder, 'engine.sh');
  writeFileSync(engine, '#!/bin/sh\n');
  chmodSync(engine, 0o755);
  const schema = join(folder, 'schema.prisma');
  writeFileSync(schema, schemaOf(isOldest, provider));
  execFileSync(process.execPath, [join(packageFolder(prisma), 'build/index.js'), 'generate', '--schema', schema], {
    cwd: folder,
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: engine,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
    stdio: 'pipe',
  });
  const generated = (await import(pathToFileURL(join(folder, 'client/index.js')).href)) as {
    PrismaClient: new (options: object) => PrismaClient;
  };
  return generated.PrismaClient;
}

function schemaOf(isOldest: boolean, provider: 'postgresql' | 'sqlite'): string {
  const hasSchemas = provider === 'postgresql';
  const inSchema = (schema: string): string => (hasSchemas ? `@@schema("${schema}")` : '');
  const author = (table: string, more: string): string => `
  id    Int    @id @default(autoincrement())
  name  String @unique
  score Int    @default(0)
  ${more}
  @@map("${table}")`;
  return `
generator client {
  provider = "prisma-client-js"
  output   = "./client"
  ${isOldest ? 'engineType = "client"' : ''}
}
datasource db {
  provider = "${provider}"
  ${hasSchemas ? 'schemas = ["public", "archive"]' : ''}
  ${isOldest ? 'url = "postgresql://unused"' : ''}
}
model Author {
  ${author('author', 'books Book[]')}
  ${inSchema('public')}
}
model Book {
  id       Int    @id @default(autoincrement())
  title    String
  authorId Int    @map("author_id")
  author   Author @relation(fields: [authorId], references: [id])
  @@map("book")
  ${inSchema('public')}
}
model ArchivedAuthor {
  ${author(hasSchemas && !isOldest ? 'author' : 'archived', '')}
  ${inSchema('archive')}
}
`;
}

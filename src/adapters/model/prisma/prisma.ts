import { MetricsError } from '../../../errors.ts';
import { attach, uninstrument } from '../../../instrument/hooks/attach.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../../instrument/model/recorder.ts';
import { tableLabel } from '../../../instrument/sql/sql-write.ts';
import { type DriverAdapterFactory, type Engine, watchDriverAdapters } from './driver-adapter.ts';

export { uninstrument };

/** Options of {@link instrumentPrisma}. */
export interface InstrumentPrismaOptions extends InstrumentModelsOptions {}

/** The part of a client that is used: its driver adapter, the engine that connects, its models. */
interface Client {
  readonly _engineConfig?: { readonly adapter?: DriverAdapterFactory };
  readonly _engine?: Engine;
  readonly _runtimeDataModel?: { readonly models: Readonly<Record<string, Model>> };
}

interface Model {
  /** The table, where it has another name. */
  readonly dbName?: string | null;
  readonly schema?: string | null;
}

/**
 * Counts the rows that a Prisma client writes, by model, whatever writes them: nested writes,
 * upserts, relations that Prisma keeps itself, raw SQL. What the client sends to its driver adapter
 * is watched, from its first connection on: instrument it where it is made.
 *
 * @returns the client; clients that are extended from it (`$extends`), before or after, count as
 *   well.
 * @throws MetricsError ERR_METRICS_INVALID_OPTION for a client without a driver adapter;
 *   ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const prisma = instrumentPrisma(new PrismaClient({ adapter: new PrismaPg({ connectionString:
 * process.env.DATABASE_URL }) }));
 */
export function instrumentPrisma<P extends object>(prisma: P, options: InstrumentPrismaOptions = {}): P {
  const { _engineConfig, _engine, _runtimeDataModel } = prisma as Client;
  const factory = _engineConfig?.adapter;
  const models = Object.entries(_runtimeDataModel?.models ?? {});
  if (options.enabled === false) return prisma;
  if (factory === undefined) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      'this Prisma client has no driver adapter, through which rows could be counted: give its constructor one (Prisma 6: and its generator engineType = "client")',
    );
  }
  // The client may connect before metrics are turned on, and connects once.
  const watch = watchDriverAdapters(factory, _engine);
  return attach(prisma, 'prisma', options, (instrumentation) => {
    const { modelOf, tables } = namesOf(models);
    const recorder = new ModelRecorder(instrumentation, options.app, modelOf);
    for (const table of tables) recorder.declare(table);
    watch.recorder = recorder;
    return () => {
      if (watch.recorder === recorder) watch.recorder = undefined;
    };
  });
}

/**
 * Maps tables to models. Prisma 6 does not expose schemas: tables with the same name keep their own
 * names then, with their schemas.
 */
function namesOf(models: readonly (readonly [string, Model])[]): {
  readonly modelOf: (table: string) => string;
  readonly tables: readonly string[];
} {
  const byTable = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const [name, { dbName, schema }] of models) {
    const table = tableLabel(dbName ?? name, schema ?? undefined);
    if (byTable.has(table)) ambiguous.add(table);
    byTable.set(table, name);
  }
  for (const table of ambiguous) byTable.delete(table);
  const tellsSchemas = models.some(([, { schema }]) => schema);
  const known = (table: string): string => (tellsSchemas ? table : table.slice(table.indexOf('.') + 1));
  return {
    modelOf: (table) => byTable.get(known(table)) ?? table,
    tables: [...byTable.keys()],
  };
}

import { createRequire } from 'node:module';
import { Registry } from 'promenade';
import { instrumentPg } from 'promenade/pg';
import { instrument } from './opentelemetry.ts';
import { answerQueries } from './queries.ts';
import { StubPostgres } from './stub-postgres.ts';

const [contender, server] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const registry = new Registry();
let spans: (() => number) | undefined;
if (contender === 'OpenTelemetry') {
  const { PgInstrumentation } =
    require('@opentelemetry/instrumentation-pg') as typeof import('@opentelemetry/instrumentation-pg');
  spans = instrument(new PgInstrumentation());
}
// OpenTelemetry sees what is required.
const { Pool } = require('pg') as typeof import('pg');
const connection = server ? { connectionString: server } : { stream: () => new StubPostgres() as never };
const pool = new Pool({ max: 1, ...connection });
if (contender === 'promenade') instrumentPg(pool, { registry });
// It keeps its connection for as long as the process lives.
await pool.query('set application_name = bench');
const before = spans?.() ?? 0;

answerQueries(
  registry,
  'postgresql',
  async () => (await pool.query('select 7 as n')).rows,
  // A query of a pool is two spans: the pool's, and the client's.
  spans && (() => (spans() - before) / 2),
);

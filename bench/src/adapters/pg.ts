import { createRequire } from 'node:module';
import type * as Pg from 'pg';
import { defaultRegistry } from 'promenade';
import { instrumentPg } from 'promenade/pg';
import { StubPostgres } from './stub-postgres.ts';
import type { Subject } from './subject.ts';
import { executionsOn } from './promenade-page.ts';

const require = createRequire(import.meta.url);

/** `pool.query` on one connection. @param server Its URL; nothing for one in this process. */
export async function open(contender: string, server: string | undefined): Promise<Subject> {
  let observed: ((histogram: string) => Promise<number>) | undefined;
  if (contender.startsWith('@opentelemetry')) {
    const { instrument } = await import('./opentelemetry.ts');
    const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg');
    observed = instrument(new PgInstrumentation());
  }
  // OpenTelemetry sees what is required.
  const { Pool } = require('pg') as typeof Pg;
  const pool = new Pool({
    max: 1,
    ...(server ? { connectionString: server } : { stream: () => new StubPostgres() as never }),
  });
  if (contender === 'promenade') instrumentPg(pool, { registry: defaultRegistry, enabled: true });
  return {
    async once() {
      const { rows } = await pool.query('select 7 as n');
      return rows;
    },
    ...(contender === 'promenade' && { counted: executionsOn }),
    ...(observed && { counted: () => observed('db.client.operation.duration') }),
  };
}

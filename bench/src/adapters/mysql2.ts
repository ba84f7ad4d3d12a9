import { createRequire } from 'node:module';
import type * as Mysql2 from 'mysql2/promise';
import { defaultRegistry } from 'promenade';
import { instrumentMysql2 } from 'promenade/mysql2';
import { executionsOn } from './promenade-page.ts';
import { StubMysql } from './stub-mysql.ts';
import type { Subject } from './subject.ts';

const require = createRequire(import.meta.url);

/** `pool.query` of the promise API on one connection. @param server Its URL; nothing for one in this process. */
export async function open(contender: string, server: string | undefined): Promise<Subject> {
  if (contender.startsWith('@opentelemetry')) {
    const { instrument } = await import('./opentelemetry.ts');
    const { MySQL2Instrumentation } = await import('@opentelemetry/instrumentation-mysql2');
    instrument(new MySQL2Instrumentation());
  }
  // OpenTelemetry sees what is required.
  const { createPool } = require('mysql2/promise') as typeof Mysql2;
  const options = server ? { uri: server } : { stream: () => new StubMysql() };
  const pool = createPool({ connectionLimit: 1, ...options } as Mysql2.PoolOptions);
  if (contender === 'promenade') instrumentMysql2(pool, { registry: defaultRegistry, enabled: true });
  return {
    async once() {
      const [rows] = await pool.query('select 7 as n');
      return rows;
    },
    ...(contender === 'promenade' && { counted: executionsOn }),
  };
}

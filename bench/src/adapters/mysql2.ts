import { createRequire } from 'node:module';
import { Registry } from 'promenade';
import { instrumentMysql2 } from 'promenade/mysql2';
import { instrument } from './opentelemetry.ts';
import { answerQueries } from './queries.ts';
import { StubMysql } from './stub-mysql.ts';

const [contender, server] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const registry = new Registry();
let spans: (() => number) | undefined;
if (contender === 'OpenTelemetry') {
  const { MySQL2Instrumentation } =
    require('@opentelemetry/instrumentation-mysql2') as typeof import('@opentelemetry/instrumentation-mysql2');
  spans = instrument(new MySQL2Instrumentation());
}
// OpenTelemetry sees what is required.
const { createPool } = require('mysql2/promise') as typeof import('mysql2/promise');
const connection = server ? { uri: server } : { stream: () => new StubMysql() };
// The stack that it takes of every query for its errors costs more than all else, and never the
// same.
const pool = createPool({ connectionLimit: 1, trace: false, ...connection });
if (contender === 'promenade') instrumentMysql2(pool, { registry });

answerQueries(registry, 'mysql', async () => (await pool.query('select 7 as n'))[0], spans);

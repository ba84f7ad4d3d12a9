import { defaultRegistry } from 'promenade';

/** How many statements the page has. */
export async function executionsOn(): Promise<number> {
  const { families } = await defaultRegistry.snapshot();
  const executions = families.find(({ definition }) => definition.name === 'db_client_executions');
  return executions ? executions.values.reduce((sum, value) => sum + value, 0) : 0;
}

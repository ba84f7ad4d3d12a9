/** The processor time that some work takes for each of its operations, in microseconds. */
export async function processorTime(operations: number, work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / operations;
}

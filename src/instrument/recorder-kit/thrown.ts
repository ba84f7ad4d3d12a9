/**
 * True if an error is a deliberate answer (a 404, a failed validation) and no exception: it carries
 * a status below 500, as http-errors and Fastify write it.
 */
export function isDeliberate(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { status, statusCode = status } = thrown as { status?: unknown; statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 100 && statusCode < 500;
}

/**
 * Returns the label for something thrown: its class, which is bounded by the program, never its
 * message.
 */
export function typeOfThrown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return typeof thrown;
  const name: unknown = thrown.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'object';
}

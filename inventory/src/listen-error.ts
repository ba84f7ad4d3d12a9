/** Returns an error that says why listening failed and what to do. */
export function listenError(host: string, port: number, cause: unknown): Error {
  return new Error(explain(host, port, cause), { cause });
}

function explain(host: string, port: number, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use; stop what listens there, or choose another with PORT=${port + 1}.`;
    case 'EACCES':
      return `Port ${port} may not be opened by this user; choose one above 1023 with PORT=8080.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is no address of this machine; try HOST=127.0.0.1.`;
    default:
      return `Can't listen on ${host}:${port}: ${message}`;
  }
}

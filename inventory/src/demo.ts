/** Loads the application with steady traffic. Returns what stops it. */
export function startDemo(_origin: string, _token: string): () => void {
  return () => undefined;
}

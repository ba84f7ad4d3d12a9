import { guarded } from '../../../instrument/hooks/guard.ts';

/** Listeners by the driver's names of events. */
export type Listeners = Readonly<Record<string, (event: never) => void>>;

interface Emitter {
  on(event: string, listener: (event: never) => void): unknown;
  removeListener(event: string, listener: (event: never) => void): unknown;
}

/** Adds listeners that never throw. @returns what removes them. */
export function listen(client: object, listeners: Listeners): () => void {
  const emitter = client as Emitter;
  const added = Object.entries(listeners).map(([event, listener]) => [event, guarded(listener)] as const);
  for (const [event, listener] of added) emitter.on(event, listener);
  return () => {
    for (const [event, listener] of added) emitter.removeListener(event, listener);
  };
}

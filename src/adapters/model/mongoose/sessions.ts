import type { ModelRecorder, ModelTransaction } from '../../../instrument/model/recorder.ts';
import type { WriteSink } from '../../../instrument/sql/sql-write.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** What of a driver's session is used. */
export interface ClientSession {
  inTransaction(): boolean;
  commitTransaction(): Promise<unknown>;
  abortTransaction(): Promise<unknown>;
}

interface SessionState {
  transaction: ModelTransaction | undefined;
}

type End = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** The transactions of sessions, from their first write on. */
export class MongooseSessions {
  readonly #recorder: ModelRecorder;
  readonly #states: WeakMap<ClientSession, SessionState> = new WeakMap();

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
  }

  /** Where writes in a session are counted. */
  sinkOf(session: ClientSession | null | undefined): WriteSink {
    if (!session || typeof session.inTransaction !== 'function' || !session.inTransaction()) return this.#recorder;
    let state = this.#states.get(session);
    if (!state) this.#states.set(session, (state = this.#watch(session)));
    return (state.transaction ??= this.#recorder.begin());
  }

  #watch(session: ClientSession): SessionState {
    const state: SessionState = { transaction: undefined };
    const end = (name: string, ended: (transaction: ModelTransaction, error: unknown) => boolean): void => {
      wrapMethod(session as unknown as Record<string, unknown>, name, (original: End): End => {
        return function (this: unknown, ...args) {
          const { transaction } = state;
          return observeCall(
            () => original.apply(this, args),
            (outcome) => {
              if (!transaction || !ended(transaction, outcome.failed ? outcome.error : undefined)) return;
              if (state.transaction === transaction) state.transaction = undefined;
            },
          );
        };
      });
    };
    end('commitTransaction', (transaction, error) => {
      // What the server has made of it is not known; the driver's users try again.
      if (hasLabel(error, 'UnknownTransactionCommitResult')) return false;
      if (error === undefined) transaction.commit();
      else transaction.rollBack();
      return true;
    });
    end('abortTransaction', (transaction) => {
      transaction.rollBack();
      return true;
    });
    return state;
  }
}

function hasLabel(error: unknown, label: string): boolean {
  const { errorLabels } = (error ?? {}) as { readonly errorLabels?: readonly string[] };
  return errorLabels?.includes(label) === true;
}

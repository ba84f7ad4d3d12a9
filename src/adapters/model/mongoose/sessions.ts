import type { ModelRecorder, ModelTransaction } from '../../../instrument/model/recorder.ts';
import type { WriteSink } from '../../../instrument/sql/sql-write.ts';
import { observeMethod } from '../../../instrument/hooks/observe.ts';

/** The part of a driver's session that is used. */
export interface ClientSession {
  inTransaction(): boolean;
  commitTransaction(): Promise<unknown>;
  abortTransaction(): Promise<unknown>;
}

interface SessionState {
  transaction: ModelTransaction | undefined;
}

/** The transactions of sessions, from their first write on. */
export class MongooseSessions {
  readonly #recorder: ModelRecorder;
  readonly #states: WeakMap<ClientSession, SessionState> = new WeakMap();

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
  }

  /** Returns the sink for writes in a session. */
  sinkOf(session: ClientSession | null | undefined): WriteSink {
    if (!session || typeof session.inTransaction !== 'function' || !session.inTransaction()) return this.#recorder;
    let state = this.#states.get(session);
    if (!state) this.#states.set(session, (state = this.#watch(session)));
    return (state.transaction ??= this.#recorder.begin());
  }

  #watch(session: ClientSession): SessionState {
    const state: SessionState = { transaction: undefined };
    const end = (name: string, ended: (transaction: ModelTransaction, error: unknown) => boolean): void => {
      observeMethod(session, name, () => {
        const { transaction } = state;
        return (error) => {
          if (!transaction || !ended(transaction, error)) return;
          if (state.transaction === transaction) state.transaction = undefined;
        };
      });
    };
    end('commitTransaction', (transaction, error) => {
      // It is not known if the server committed. Callers of the driver try again.
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

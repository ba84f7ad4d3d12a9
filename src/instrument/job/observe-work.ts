import { types } from 'node:util';
import { attempt } from '../hooks/guard.ts';
import { isThenable, observeCall, type Outcome } from '../hooks/observe.ts';
import { wrapMethod } from '../hooks/wrap.ts';

/** Tells how the work of a job ended. */
type Done = (outcome: Outcome<unknown>) => void;

/** Ends the work of results that were collected before anybody used them. */
const abandoned: FinalizationRegistry<() => void> = new FinalizationRegistry((end) => end());

/**
 * Calls a function of the application that does a job, and tells `done` once how the job ended: as
 * `observeCall` does, and for a generator when it is at its end, fails or is left. The caller gets
 * the same generator.
 *
 * A generator or a lazy thenable that is dropped unused ends as an `AbortError`.
 */
export function observeWork<R>(work: () => R, done: Done): R {
  const start = performance.now();
  let told = false;
  const tell: Done = (outcome) => {
    if (told) return;
    told = true;
    done(outcome);
  };
  let isGenerator = false;
  const result = observeCall(work, (outcome) => {
    isGenerator = !outcome.failed && types.isGeneratorObject(outcome.result) && Object.isExtensible(outcome.result);
    if (!isGenerator) tell(outcome);
  });
  // No closure of this function may hold the result, or it would never be collected.
  if (isGenerator) watchGenerator(result as object, start, tell);
  if (isGenerator || (isThenable(result) && !types.isPromise(result))) endIfAbandoned(result as object, start, tell);
  return result;
}

function endIfAbandoned(result: object, start: number, tell: Done): void {
  abandoned.register(result, () => {
    const error = new DOMException('Nobody used what the job returned.', 'AbortError');
    attempt(() => tell({ failed: true, error, seconds: (performance.now() - start) / 1000 }));
  });
}

function watchGenerator(generator: object, start: number, tell: Done): void {
  for (const name of ['next', 'return', 'throw']) {
    wrapMethod(generator, name, (method) => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => method.apply(this, args),
          (outcome) => {
            const seconds = (performance.now() - start) / 1000;
            if (outcome.failed) return tell({ ...outcome, seconds });
            const { done, value } = outcome.result as IteratorResult<unknown>;
            if (done === true) tell({ failed: false, result: value, seconds });
          },
        );
      };
    });
  }
}

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { observeCall, observed, type Outcome, whenSettled } from '../../../src/instrument/hooks/observe.ts';

/** Tests make thenables on purpose. */
const THEN: string = ['t', 'hen'].join('');

describe('observeCall', () => {
  const outcomes: Outcome<unknown>[] = [];
  const done = (outcome: Outcome<unknown>): void => void outcomes.push(outcome);
  const ends = (): unknown[] => outcomes.splice(0).map((end) => (end.failed ? end.error : end.result));

  test('hands on what a call returns, throws, resolves and rejects, and tells each once', async () => {
    const error = new Error('down');
    expect(observeCall(() => 1, done)).toBe(1);
    expect(() => observeCall(() => fail(error), done)).toThrow(error);
    await expect(observeCall(async () => 2, done)).resolves.toBe(2);
    await expect(observeCall(async () => fail(error), done)).rejects.toBe(error);
    expect(outcomes.every(({ seconds }) => seconds >= 0)).toBe(true);
    expect(ends()).toEqual([1, error, 2, error]);
  });

  test('sees promises of another realm and of another library', async () => {
    const error = new Error('down');
    const foreign = runInNewContext('(value) => Promise.resolve(value)') as (value: unknown) => Promise<unknown>;
    await expect(observeCall(() => foreign(1), done)).resolves.toBe(1);
    const refused = runInNewContext('(error) => Promise.reject(error)') as (error: unknown) => Promise<unknown>;
    await expect(observeCall(() => refused(error), done)).rejects.toBe(error);
    const other = observeCall(() => OtherPromise.rejecting(error), done);
    expect(other).toBeInstanceOf(OtherPromise);
    await expect(other).rejects.toBe(error);
    expect(ends()).toEqual([1, error, error]);
  });

  test('keeps what a library hangs on its promise', async () => {
    const cancellable = (): Promise<number> & { cancel(): string } =>
      Object.assign(Promise.resolve(1), { cancel: () => 'cancelled' });
    const promise = observeCall(cancellable, done);
    expect(promise.cancel()).toBe('cancelled');
    await expect(promise).resolves.toBe(1);
    expect(ends()).toEqual([1]);
  });

  test('does not run a lazy thenable, and tells its end when somebody else has', async () => {
    let runs = 0;
    const lazy: PromiseLike<number> = thenable((resolve) => resolve(++runs));
    expect(observeCall(() => lazy, done)).toBe(lazy);
    expect([runs, ends()]).toEqual([0, []]);
    expect([await lazy, await lazy]).toEqual([1, 2]);
    expect(ends()).toEqual([1]);
    expect(Object.keys(lazy)).toEqual(['then']);
  });

  test('tells the error of a minimal thenable', async () => {
    const error = new Error('down');
    const minimal = thenable((_, reject) => reject(error));
    await expect((async () => await observeCall(() => minimal, done))()).rejects.toBe(error);
    expect(ends()).toEqual([error]);
  });

  test('tells the end of a thenable that can not be watched at once', () => {
    const frozen = Object.freeze({ [THEN]: () => expect.unreachable() });
    expect(observeCall(() => frozen, done)).toBe(frozen);
    expect(ends()).toEqual([frozen]);
  });

  test('returns a result whose `then` throws', () => {
    const odd = Object.defineProperty({}, THEN, { get: () => fail(new Error('getter')) });
    expect(observeCall(() => odd, done)).toBe(odd);
    expect(ends()).toEqual([odd]);
  });

  test('lets nothing out that its observer throws', async () => {
    const broken = (): never => fail(new Error('observer'));
    const error = new Error('down');
    expect(observeCall(() => 1, broken)).toBe(1);
    expect(() => observeCall(() => fail(error), broken)).toThrow(error);
    await expect(observeCall(async () => 2, broken)).resolves.toBe(2);
    await expect(observeCall(async () => fail(error), broken)).rejects.toBe(error);
  });

  test('leaves an unhandled rejection unhandled', async () => {
    const seen: unknown[] = [];
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const arrived = new Promise<void>((resolve) => {
      process.once('unhandledRejection', (reason) => {
        seen.push(reason);
        resolve();
      });
    });
    const error = new Error('nobody cares');
    void observeCall(async () => fail(error), done);
    await arrived;
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(seen).toEqual([error]);
    expect(ends()).toEqual([error]);
  });
});

describe('observed', () => {
  /** Observes a function, and notes how its calls end. */
  function observe(original: (this: unknown, ...args: unknown[]) => unknown) {
    const ends: unknown[][] = [];
    const method = observed(original, (args) => {
      if (args[0] === 'skip') return undefined;
      return (...end) => {
        ends.push(end);
        throw new Error('hook');
      };
    });
    return { method, ends };
  }
  type Callback = (...answer: unknown[]) => unknown;

  test('tells the answer to a callback, which gets the same `this` and arguments', () => {
    const { method, ends } = observe((_, callback) => (callback as Callback).call('self', null, 1, 2));
    const answer = method.call(undefined, 'a', function (this: unknown, ...args: unknown[]) {
      return [this, ...args];
    });
    expect(answer).toEqual(['self', null, 1, 2]);
    expect(ends).toEqual([[undefined, 1, 2]]);
  });

  test('takes the last function for the callback, and tells its first answer only', () => {
    const error = new Error('down');
    const { method, ends } = observe((_, callback) => {
      (callback as Callback)(error);
      (callback as Callback)(null, 1);
    });
    const answers: unknown[] = [];
    method.call(
      undefined,
      () => expect.unreachable(),
      (reason: unknown) => void answers.push(reason),
      { option: 1 },
    );
    expect(answers).toEqual([error, null]);
    expect(ends).toEqual([[error, undefined]]);
  });

  test('tells what a promise brings, and an error that is undefined as one', async () => {
    const { method, ends } = observe(async (fails) => (fails === true ? Promise.reject(undefined) : 1));
    await expect(method.call(undefined)).resolves.toBe(1);
    await expect(method.call(undefined, true)).rejects.toBeUndefined();
    expect(ends).toEqual([
      [undefined, 1],
      ['unknown', undefined],
    ]);
  });

  test('tells what is thrown and what is returned at once', () => {
    const error = new Error('down');
    const { method, ends } = observe((fails) => (fails === true ? fail(error) : 1));
    expect(method.call(undefined)).toBe(1);
    expect(() => method.call(undefined, true)).toThrow(error);
    expect(ends).toEqual([
      [undefined, 1],
      [error, undefined],
    ]);
  });

  test('leaves a call alone that is not to be observed', () => {
    const { method, ends } = observe((...args) => args.length);
    expect(method.call(undefined, 'skip', 1)).toBe(2);
    expect(ends).toEqual([]);
  });

  test('runs the call if the hook throws at its beginning', () => {
    expect(
      observed(
        () => 1,
        () => fail(new Error('hook')),
      ).call(undefined),
    ).toBe(1);
  });
});

describe('whenSettled', () => {
  test('tells plain values at once, functions and null among them', () => {
    const told: unknown[] = [];
    const call = (): void => {};
    for (const value of [undefined, null, 0, 'text', call]) {
      expect(
        whenSettled<unknown>(
          value,
          (result) => void told.push(result),
          () => expect.unreachable(),
        ),
      ).toBe(value);
    }
    expect(told).toEqual([undefined, null, 0, 'text', call]);
  });
});

/** A promise as libraries have them: no subclass of the native one, and eager. */
class OtherPromise {
  readonly #promise: Promise<unknown>;

  constructor(promise: Promise<unknown>) {
    this.#promise = promise;
  }

  static readonly resolve = (value: unknown): OtherPromise => new OtherPromise(Promise.resolve(value));
  static readonly reject = (error: unknown): OtherPromise => OtherPromise.rejecting(error);
  static readonly all = (): OtherPromise => OtherPromise.resolve([]);

  static rejecting(reason: unknown): OtherPromise {
    return new OtherPromise(Promise.reject(reason));
  }

  [THEN](resolve: never, reject: never): OtherPromise {
    return new OtherPromise(this.#promise.then(resolve, reject));
  }
}

/** The least that can be awaited. */
function thenable(
  then: (resolve: (value: number) => void, reject: (reason: unknown) => void) => void,
): PromiseLike<number> {
  return { [THEN]: then } as unknown as PromiseLike<number>;
}

function fail(error: Error): never {
  throw error;
}

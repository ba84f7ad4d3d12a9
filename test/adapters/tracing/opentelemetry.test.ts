import { AsyncLocalStorage } from 'node:async_hooks';
import * as api from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openTelemetryExemplars } from '../../../src/adapters/tracing/opentelemetry.ts';
import { Counter, Registry } from '../../../src/index.ts';

/** What every SDK has: contexts that follow asynchronous calls. */
class Contexts implements api.ContextManager {
  readonly #storage = new AsyncLocalStorage<api.Context>();

  active(): api.Context {
    return this.#storage.getStore() ?? api.ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: api.Context,
    work: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => work.call(self, ...args));
  }

  bind<T>(_context: api.Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

function inSpan<T>(context: Partial<api.SpanContext>, work: () => T): T {
  const span = api.trace.wrapSpanContext({ traceId, spanId, traceFlags: api.TraceFlags.SAMPLED, ...context });
  return api.context.with(api.trace.setSpan(api.context.active(), span), work);
}

describe.each([
  ['the API that is handed over', openTelemetryExemplars(api)],
  ['what the API shares in the process', openTelemetryExemplars()],
])('%s', (_name, source) => {
  test('without an SDK there is no exemplar', () => {
    expect(inSpan({}, source)).toBeUndefined();
  });

  describe('with one', () => {
    beforeEach(() => void api.context.setGlobalContextManager(new Contexts()));
    afterEach(() => api.context.disable());

    test('the active span is named, across what is awaited', async () => {
      expect(source()).toBeUndefined();
      const later = inSpan({}, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return source();
      });
      expect(await later).toEqual({ trace_id: traceId, span_id: spanId });
      expect(source()).toBeUndefined();
    });

    test('not if its trace is not kept, or is none', () => {
      expect(inSpan({ traceFlags: api.TraceFlags.NONE }, source)).toBeUndefined();
      expect(inSpan({ traceId: api.INVALID_TRACEID }, source)).toBeUndefined();
    });

    test('it comes to the snapshot', async () => {
      const registry = new Registry({ exemplarSource: source });
      const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
      inSpan({}, () => jobs.inc(3));
      const [family] = (await registry.snapshot()).families;
      expect(family!.exemplars).toMatchObject([[{ labels: { trace_id: traceId, span_id: spanId }, value: 3 }]]);
      registry.close();
    });
  });
});

import type { ExemplarSource } from '../../core/exemplars.ts';

/** The part of OpenTelemetry's span contexts that is used. */
export interface OpenTelemetrySpanContext {
  /** 32 hexadecimal digits. All 0 means that there is no trace. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0 is set if the trace is kept. */
  readonly traceFlags: number;
}

interface Span {
  spanContext(): OpenTelemetrySpanContext;
}

/** The part of `@opentelemetry/api` that is used, any 1.x. */
export interface OpenTelemetryApi {
  readonly trace: { getActiveSpan(): Span | undefined };
}

/**
 * The global in which the API keeps what an SDK registers, and the key of the span in a context.
 * Both are the same in every 1.x.
 */
const GLOBAL = Symbol.for('opentelemetry.js.api.1');
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');

interface RegisteredApi {
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

const SAMPLED = 1;
const NO_TRACE = /^0*$/;

/**
 * Returns a source of exemplars that lead to traces: `trace_id` and `span_id` of the span that is
 * active when something is recorded, if its trace is kept.
 *
 *     defaultRegistry.setExemplarSource(openTelemetryExemplars());
 *
 * @param api What `@opentelemetry/api` exports. Without it, what its copies share in this process
 * is looked up; that may come later than this call.
 */
export function openTelemetryExemplars(api?: OpenTelemetryApi): ExemplarSource {
  const activeSpan = api ? () => api.trace.getActiveSpan() : registeredSpan;
  return () => {
    const context = activeSpan()?.spanContext();
    if (!context || (context.traceFlags & SAMPLED) === 0 || NO_TRACE.test(context.traceId)) return undefined;
    return { trace_id: context.traceId, span_id: context.spanId };
  };
}

function registeredSpan(): Span | undefined {
  const registered = (globalThis as { [GLOBAL]?: RegisteredApi })[GLOBAL];
  return registered?.context?.active().getValue(SPAN_KEY) as Span | undefined;
}

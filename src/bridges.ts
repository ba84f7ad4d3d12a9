export { bridgeOpenTelemetry, type OpenTelemetryReader } from './bridges/opentelemetry.ts';
export { bridgePromClient, type PromClientRegistry } from './prom-client/bridge.ts';

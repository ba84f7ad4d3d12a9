import diagnostics from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { RouterTrace } from './trace.ts';
import type { Layer, LayerHandle, RoutedRequest, RouterPath } from './types.ts';

/** What router 2.3 and later publish around each layer, documented in its README. */
const CHANNEL = 'tracing:express.router.request';

interface LayerMessage {
  readonly req: RoutedRequest;
  readonly res: ServerResponse;
  readonly layer: Layer;
  readonly handler: LayerHandle;
  readonly route?: RouterPath;
  readonly param?: string;
  readonly error?: unknown;
}

const subscriptions: readonly (readonly [string, (message: unknown) => void])[] = [
  [`${CHANNEL}:start`, onStart],
  [`${CHANNEL}:error`, onError],
];

let subscribers = 0;

/**
 * Listens for all routers of the process, once, however many ask.
 * @returns what ends it; idempotent.
 */
export function observeRouterChannel(): () => void {
  if (subscribers++ === 0) for (const [name, listener] of subscriptions) diagnostics.subscribe(name, listener);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (--subscribers === 0) for (const [name, listener] of subscriptions) diagnostics.unsubscribe(name, listener);
  };
}

function onStart(message: unknown): void {
  try {
    const { req, layer, handler, route, param } = message as LayerMessage;
    const exchange = exchangeOf(req);
    if (exchange !== undefined && !exchange.done) {
      RouterTrace.of(exchange).started(req, layer, handler, route ?? '/', param);
    }
  } catch (error) {
    hookFailed(error);
  }
}

/** Published once for each error, where it arose. */
function onError(message: unknown): void {
  try {
    const { req, error } = message as LayerMessage;
    exchangeOf(req)?.threw(error);
  } catch (error) {
    hookFailed(error);
  }
}

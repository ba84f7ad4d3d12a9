import diagnostics from 'node:diagnostics_channel';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { guarded } from '../../../instrument/hooks/guard.ts';
import { RouterTrace } from './trace.ts';
import type { Layer, RoutedRequest, RouterPath } from './types.ts';

/** The channel on which router 2.3 and later publish around each layer; its README documents it. */
const CHANNEL = 'tracing:express.router.request';

interface LayerMessage {
  readonly req: RoutedRequest;
  readonly layer: Layer;
  readonly route?: RouterPath;
  readonly param?: string;
  readonly errorHandler?: boolean;
  readonly error?: unknown;
}

const onStart = guarded((message: unknown): void => {
  const { req, layer, route = '/', param, errorHandler } = message as LayerMessage;
  const exchange = exchangeOf(req);
  if (exchange === undefined) return;
  RouterTrace.of(exchange, req)?.started(layer, { path: route, param, isErrorHandler: errorHandler });
});

/** Published once for each error, where it arose. */
const onError = guarded((message: unknown): void => {
  const { req, error } = message as LayerMessage;
  const exchange = exchangeOf(req);
  if (exchange === undefined) return;
  exchange.threw(error);
  RouterTrace.of(exchange, req)?.failed();
});

let subscribers = 0;

/**
 * Listens for all routers of the process, once, however many ask.
 * @returns What ends it; idempotent.
 */
export function observeRouterChannel(): () => void {
  if (subscribers++ === 0) {
    diagnostics.subscribe(`${CHANNEL}:start`, onStart);
    diagnostics.subscribe(`${CHANNEL}:error`, onError);
  }
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (--subscribers > 0) return;
    diagnostics.unsubscribe(`${CHANNEL}:start`, onStart);
    diagnostics.unsubscribe(`${CHANNEL}:error`, onError);
  };
}

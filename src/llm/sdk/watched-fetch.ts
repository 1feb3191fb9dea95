import { ModelFailure } from '../../model/model-failure.ts';

/** Bytes of one answer as it comes over the wire; a server that sends more is no model. */
const MAX_BYTES = 64 * 1024 ** 2;

/** A `fetch` for one request, with the end of it that was not asked for. */
export interface WatchedFetch {
  readonly fetch: typeof fetch;
  /** Aborted when the answer stalls or has no end, with a `ModelFailure` for a reason, and by `close`. */
  readonly signal: AbortSignal;
  /** Stops the clock, and ends a request whose response is not read to its end: the provider would generate all of it, and charge for it. */
  close(): void;
}

/**
 * Gives a request up after `stallMs` without a byte, or beyond the limit on its bytes (SPEC {#model_retry}). Redirects are
 * not followed: a key would go to the host that the response names.
 */
export function watchedFetch(stallMs: number): WatchedFetch {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stalled = () =>
    controller.abort(
      new ModelFailure(
        'model_timeout',
        `The provider sent nothing for ${Math.round(stallMs / 1000)} seconds. Ask again, or look whether it is overloaded.`,
      ),
    );
  const listen = () => {
    clearTimeout(timer);
    if (!controller.signal.aborted) timer = setTimeout(stalled, stallMs);
  };
  return {
    signal: controller.signal,
    close: () => {
      controller.abort();
      clearTimeout(timer);
    },
    fetch: async (input, init) => {
      listen();
      const response = await fetch(input, { ...init, redirect: 'manual' });
      if (!response.body) return response;
      let bytes = 0;
      const watched = response.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, sink) {
            listen();
            bytes += chunk.length;
            if (bytes > MAX_BYTES) {
              controller.abort(
                new ModelFailure('model_cut', `The provider's answer is longer than ${MAX_BYTES} bytes. Name another model or address.`),
              );
              return;
            }
            sink.enqueue(chunk);
          },
        }),
      );
      const { status, statusText, headers } = response;
      return new Response(watched, { status, statusText, headers });
    },
  };
}

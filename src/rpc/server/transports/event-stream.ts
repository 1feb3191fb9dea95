import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeadgateError } from '../../../core/errors.ts';
import { errorFacts } from '../http/http-answer.ts';
import { PING_MS, watchPeer } from './heartbeat.ts';
import { ListeningChannel } from './listening-channel.ts';

/** A comment: no event for the client, a sign of life for everything in between. */
const COMMENT = ':\n\n';

/** One event in the format of Server-Sent Events (WHATWG HTML, 9.2); `data` is JSON, which has no line breaks. */
export function sseFrame(event: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

/**
 * A response that is a stream of events (SPEC {#transport_sse}). It counts what has not left the process, tells when
 * that has drained, and ends with a peer that takes nothing more (SPEC {#half_open}).
 */
export class EventStream extends ListeningChannel {
  readonly #response: ServerResponse;
  readonly #beat: () => void;
  #open = true;

  /** @param o - `beat` is called at every interval, before the comment is sent */
  constructor(o: { request: IncomingMessage; response: ServerResponse; pingMs: number | undefined; beat: () => void }) {
    super();
    const { request, response } = o;
    this.#response = response;
    this.#beat = o.beat;
    const stopWatching = watchPeer(request.socket, {
      everyMs: o.pingMs ?? PING_MS,
      answers: () => false,
      beat: () => this.#ping(),
      dead: () => response.destroy(),
    });
    response.on('error', () => response.destroy());
    response.on('close', () => {
      stopWatching();
      this.#open = false;
      this.ended();
    });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // Proxies that gather output before they pass it on would hold events back.
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    response.flushHeaders();
  }

  /** False once the end has been written or the peer is gone. */
  get open(): boolean {
    return this.#open;
  }

  send(frame: Buffer | string): void {
    if (!this.#open) return;
    this.#response.write(frame, () => this.written());
    this.buffered();
  }

  bufferedBytes(): number {
    return this.#response.writableLength;
  }

  /** Ends the response after what was sent. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#response.end();
  }

  /** The terminal event of a stream that cannot go on: `event: error` with code, message and data. */
  fail(error: HeadgateError): void {
    this.send(sseFrame('error', JSON.stringify(errorFacts(error))));
    this.end();
  }

  #ping(): void {
    if (this.#open) this.#beat();
    // What waits to be sent is sign enough, and nothing is added to it.
    if (this.#open && this.bufferedBytes() === 0) this.send(COMMENT);
  }
}

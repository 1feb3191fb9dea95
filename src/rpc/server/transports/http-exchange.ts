import type { ServerResponse } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import { sendError, statusOf } from '../http/http-answer.ts';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

/**
 * A connection that is one HTTP request: one message in, its answer out, and the end (SPEC {#transport_http}). What is
 * no answer has no place in it: the greeting comes before the message was handed over, and notifications are held back
 * because the channel always counts as full.
 */
export class HttpExchange extends ListeningChannel implements MessageChannelLike {
  readonly answersOnly = true;
  readonly #response: ServerResponse;
  #state: 'opened' | 'asked' | 'answered' = 'opened';
  #ended = false;

  constructor(response: ServerResponse) {
    super();
    this.#response = response;
    // The client went away, or has its answer: either way what still waits is given up.
    response.on('close', () => this.#end());
    response.on('error', () => response.destroy());
  }

  /** Hands the request's body to the session. */
  ask(body: Buffer): void {
    if (this.#ended) return;
    this.#state = 'asked';
    this.received({ kind: 'text', bytes: body });
    this.received({ kind: 'end' });
  }

  send(message: Buffer | string): void {
    if (this.#state !== 'asked' || this.#ended) return;
    this.#state = 'answered';
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    this.#response.writeHead(statusOf(bytes), {
      'content-type': 'application/json',
      'content-length': bytes.length,
      'cache-control': 'no-store',
    });
    this.#response.end(bytes);
  }

  bufferedBytes(): number {
    return Number.POSITIVE_INFINITY;
  }

  pause(): void {}

  resume(): void {}

  close(reason: CloseReason): void {
    if (this.#ended) return;
    if (this.#state !== 'answered') {
      if (reason === 'going_away') {
        sendError(
          this.#response,
          new HeadgateError('overloaded', 'the server is stopping; try again when it is back', { retry_after_ms: 1000 }),
        );
      } else {
        // Only notifications: there is no response.
        this.#response.writeHead(204, { 'cache-control': 'no-store' }).end();
      }
    }
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.ended();
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import { sendError, sendJson, statusOf } from '../http/http-answer.ts';
import { parseMessage, type RequestMessage, requestProblem } from '../messages.ts';
import { EventStream, sseFrame } from './event-stream.ts';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

/** Methods that start something whose end can be waited for, and those that bring what happens. */
const LOOPS: readonly string[] = ['act', 'ask'];
const COMMANDS: readonly string[] = ['sh', 'env'];
const SUBSCRIPTIONS: readonly string[] = ['subscribe', 'stream/subscribe'];
/** Ids of the call and of the subscription to its output. */
const CALL = 'call';
const OUTPUT = 'output';

type Params = Readonly<Record<string, unknown>>;

interface Frame {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: unknown;
}

/** True for a request that asks for a stream of events. */
export function wantsEvents(request: IncomingMessage): boolean {
  return /(?:^|,)\s*text\/event-stream\s*(?:;|,|$)/i.test(request.headers.accept ?? '');
}

/**
 * A connection that is one HTTP request whose response is a stream: one call that starts something, its result, and
 * what follows of it until it has ended (SPEC {#transport_http}). The session behind it is like any other; this is its client.
 */
export class CallStream extends ListeningChannel implements MessageChannelLike {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #pingMs: number | undefined;
  readonly #call: RequestMessage;
  /** Notifications that came before the result. */
  #early: Frame[] = [];
  #stream: EventStream | undefined;
  #started: Params | undefined;
  #over = false;

  /** Throws `parse_error`, and `invalid_request` for anything but one call of a method that starts something. */
  constructor(o: { request: IncomingMessage; response: ServerResponse; pingMs: number | undefined; body: Buffer }) {
    super();
    this.#request = o.request;
    this.#response = o.response;
    this.#pingMs = o.pingMs;
    this.#call = callOf(o.body);
    o.response.on('close', () => this.#end());
    o.response.on('error', () => o.response.destroy());
  }

  /** Hands the call to the session; `listen` begins its events before that. */
  ask(listen: () => void): void {
    listen();
    const { method, params } = this.#call;
    this.#tell(CALL, method, LOOPS.includes(method) && isParams(params) ? { ...params, wait: false } : params);
  }

  send(message: Buffer | string): void {
    if (this.#over) return;
    const frame = JSON.parse(message.toString()) as Frame;
    if (frame.method !== undefined) this.#notified(frame);
    else if (frame.id === OUTPUT) this.#subscribed(frame);
    else this.#answered(frame, Buffer.from(message as string));
  }

  bufferedBytes(): number {
    return this.#stream?.bufferedBytes() ?? 0;
  }

  pause(): void {}

  resume(): void {}

  close(reason: CloseReason): void {
    if (this.#over) return;
    if (reason === 'going_away' && !this.#stream) {
      sendError(
        this.#response,
        new HeadgateError('overloaded', 'the server is stopping; try again when it is back', { retry_after_ms: 1000 }),
      );
    }
    this.#response.destroy();
  }

  #tell(id: string, method: string, params: unknown): void {
    const request = { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
    this.received({ kind: 'text', bytes: Buffer.from(JSON.stringify(request)) });
  }

  #answered(frame: Frame, text: Buffer): void {
    if (!frame.result) {
      sendJson(this.#response, statusOf(text), { ...frame, id: this.#call.id ?? null });
      this.#end();
      return;
    }
    this.#started = frame.result;
    const stream = new EventStream({ request: this.#request, response: this.#response, pingMs: this.#pingMs, beat: () => {} });
    stream.onDrain(() => this.written());
    this.#stream = stream;
    this.#event('result', frame.result);
    const { run, path } = frame.result;
    if (COMMANDS.includes(this.#call.method)) this.#tell(OUTPUT, 'stream/subscribe', { run, path });
    else this.#passEarly();
  }

  #subscribed({ error }: Frame): void {
    if (error === undefined) return this.#passEarly();
    this.#event('error', error as Params);
    this.#finish();
  }

  #passEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const frame of early) this.#pass(frame);
  }

  #notified(frame: Frame): void {
    if (this.#early.length > 0 || !this.#stream) this.#early.push(frame);
    else this.#pass(frame);
  }

  #pass({ method = '', params = {} }: Frame): void {
    if (this.#over || !this.#isMine(params)) return;
    this.#event(method, params);
    if (this.#isEnd(method, params)) this.#finish();
  }

  #isMine(params: Params): boolean {
    const of = SUBSCRIPTIONS.includes(this.#call.method) ? 'subscription' : 'run';
    return params[of] === this.#started?.[of];
  }

  #isEnd(method: string, params: Params): boolean {
    const started = this.#started ?? {};
    if (SUBSCRIPTIONS.includes(this.#call.method)) {
      const ofOne = isParams(this.#call.params) && this.#call.params['path'] !== undefined;
      return method === 'stream/closed' || (ofOne && method === 'stream/ended');
    }
    if (LOOPS.includes(this.#call.method)) {
      return (
        method === 'run/state' && (params['deleted'] === true || (params['loop'] === started['loop'] && Number(params['status']) >= 200))
      );
    }
    // The end that its own subscription tells comes after the last byte.
    const isOwn = params['path'] === undefined || params['path'] === started['path'];
    return isOwn && params['subscription'] !== undefined && (method === 'stream/ended' || method === 'stream/closed');
  }

  #event(event: string, data: Params): void {
    const seq = data['seq'];
    this.#stream?.send(sseFrame(event, JSON.stringify(data), typeof seq === 'number' ? String(seq) : undefined));
  }

  #finish(): void {
    this.#stream?.end();
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.ended();
  }
}

function callOf(body: Buffer): RequestMessage {
  const value = parseMessage(body);
  const problem = requestProblem(value);
  if (problem) throw new HeadgateError('invalid_request', problem.message);
  const call = value as RequestMessage;
  if (![...LOOPS, ...COMMANDS, ...SUBSCRIPTIONS].includes(call.method)) {
    throw new HeadgateError(
      'invalid_request',
      `${call.method.slice(0, 80)} has no stream; Accept: text/event-stream goes with act, ask, sh, env, subscribe and stream/subscribe, and GET /runs/{alias}/events has the events of a run`,
      { method: call.method.slice(0, 80) },
    );
  }
  return call;
}

function isParams(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

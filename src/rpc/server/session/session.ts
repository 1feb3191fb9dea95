import type { JSONRPCID, JSONRPCResponse } from 'json-rpc-2.0';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../../../core/errors.ts';
import type { EventRecord, Project } from '../../../model/records.ts';
import type { Said } from '../../../model/said.ts';
import { sees } from '../../../model/sight.ts';
import { LIMITS } from '../../protocol/shapes.ts';
import { PROTOCOL_VERSION } from '../../protocol/table.ts';
import { type Grant, type GrantedScope, seesSecrets } from '../access.ts';
import type { Call, CallOrigin } from '../handler.ts';
import { weightOf } from '../json-slices.ts';
import { binaryOf, isAnswer, isCancel, parseMessage, type RequestMessage, requestProblem, traceparentOfParams } from '../messages.ts';
import type { ServerParts } from '../parts.ts';
import { Projects } from '../projects.ts';
import type { Inbound, MessageChannelLike } from '../transports/message-channel.ts';
import { errorResponse, refusal } from '../wire-errors.ts';
import type { Dispatcher } from './dispatch.ts';
import { notificationFrame } from './event-frame.ts';
import { BatchText, responseText } from './response-text.ts';
import { SessionEvents } from './session-events.ts';
import { SessionRunner } from './session-runner.ts';
import { SessionStreams } from './session-streams.ts';
import type { Waiter } from './turns.ts';

/** Requests of one connection that may be under way at a time. */
const MAX_IN_FLIGHT = 256;
/** Requests in one batch. */
const MAX_BATCH = 100;
/** When a full connection should try again. */
const RETRY_AFTER_MS = 100;
/** Stands for the method of a call that was refused before it was looked at. */
const UNBEGUN = 'not_begun';
/** Buffered bytes from which a client that does not read its responses is not read either, and no further call of it begins. */
const STOP_READING_BYTES = 4 * 1024 * 1024;
/** A client is not read any more while so much of it waits to be begun. */
const STOP_READING_WAITING = 256;

/** Something that came in and is to be begun in its turn. */
interface Work {
  /** What is done although the connection has ended meanwhile: it came before. */
  readonly lasting: boolean;
  begin(): void;
}

/**
 * One connection: greeting, requests under way, project, subscriptions (SPEC {#session}). Ends with its channel:
 * requests that wait are aborted, subscriptions close; what was started goes on.
 */
export class Session {
  /** Whose token the connection came with, and what that allows. */
  readonly grant: Grant;
  /** The projects that it may be bound to. */
  readonly projects: Projects;
  readonly streams: SessionStreams;
  readonly runner: SessionRunner;
  readonly #parts: ServerParts;
  readonly #dispatcher: Dispatcher;
  readonly #channel: MessageChannelLike;
  readonly #inFlight = new Map<JSONRPCID, AbortController>();
  readonly #unanswered = new Set<AbortController>();
  readonly #origin: CallOrigin;
  #bound: { project: Project; client: string; events: SessionEvents } | undefined;
  #lastId = 0;
  #reading = true;
  #inputEnded = false;
  /** Messages whose responses have not been sent. */
  #pending = 0;
  /** What came in and has not begun, in order. */
  #work: Work[] = [];
  /** Bytes of responses that were sent since the client had read everything. */
  #answeredBytes = 0;
  /** About as many bytes are being made into text. */
  #makingBytes = 0;
  readonly #waiter: Waiter;
  #closed = false;

  constructor(options: {
    channel: MessageChannelLike;
    grant: Grant;
    parts: ServerParts;
    dispatcher: Dispatcher;
    origin?: CallOrigin;
    closed: (session: Session) => void;
  }) {
    const { channel, parts } = options;
    this.grant = options.grant;
    this.projects = new Projects(parts.store.projects, options.grant);
    this.#parts = parts;
    this.#dispatcher = options.dispatcher;
    this.#channel = channel;
    this.#origin = options.origin ?? {};
    this.streams = new SessionStreams({
      streams: parts.streams,
      channel,
      nextId: () => ++this.#lastId,
      unpaid: (event) => this.#bound?.events.tell(event),
      runIdOf: (run) => this.#runIdOf(run),
      passed: () => this.#bound?.events.passed ?? 0,
    });
    this.runner = new SessionRunner({ parts, channel, grant: options.grant });
    this.#waiter = { grant: options.grant, heldBytes: () => this.#answersHeld(), next: () => this.#next() };
    parts.turns.join(this.#waiter);
    channel.onMessage((message) => this.#receive(message));
    channel.onDrain(() => this.#drained());
    channel.onClose(() => {
      this.#end();
      this.#runAll([() => options.closed(this)], 'a connection was not forgotten');
    });
    channel.send(notificationFrame('headgate/hello', { version: parts.version, protocol: PROTOCOL_VERSION, serverId: parts.serverId }));
  }

  /** Subscriptions that are open. */
  get subscriptions(): { readonly streams: number; readonly events: number } {
    return { streams: this.streams.size, events: this.#bound?.events.subscriptions ?? 0 };
  }

  /** What the connection may do. */
  get scope(): GrantedScope {
    return this.grant.scope;
  }

  /** The project that the connection is bound to, if it is. */
  get project(): Project | undefined {
    return this.#bound?.project;
  }

  /** The name that the client gave itself. */
  get client(): string {
    return this.#bound?.client ?? 'client';
  }

  /** The event feeds. Throws `not_initialized`. */
  get events(): SessionEvents {
    return this.#requireBound().events;
  }

  /**
   * Binds the connection to a project, once; the same project again is no error. Returns the sequence number of the
   * project's last event. Throws `conflict` for another project.
   */
  bind(project: Project, client: string): number {
    const bound = this.#bound;
    if (bound && bound.project.id !== project.id) {
      throw new HeadgateError(
        'conflict',
        `this connection is bound to project "${bound.project.name}"; open another one for "${project.name}"`,
        {
          project: bound.project.name,
        },
      );
    }
    const events =
      bound?.events ??
      new SessionEvents({
        sight: this.projects.sight(project),
        store: this.#parts.store.events,
        channel: this.#channel,
        nextId: () => ++this.#lastId,
        leftToStream: (event) => this.streams.takes(event),
        ...(seesSecrets(this.scope) ? {} : { shown: (event: EventRecord) => this.#parts.redactedEvents.of(event) }),
      });
    this.#bound = { project, client, events };
    return events.lastSeq();
  }

  /** Refuses one subscription more than a connection may have, of events or of streams. Throws `too_large`. */
  requireRoom(of: 'events' | 'streams'): void {
    const { eventSubscriptions, subscriptions } = this.#parts.limits;
    const [open, limit] =
      of === 'events' ? [this.#bound?.events.subscriptions ?? 0, eventSubscriptions] : [this.streams.size, subscriptions];
    if (open < limit) return;
    const instead = of === 'events' ? 'one without run has the events of all' : 'one with a pattern has many streams';
    throw new HeadgateError('too_large', `this connection has ${limit} subscriptions of ${of}; end some, ${instead}`, { limit });
  }

  /** Refuses what would have nothing to deliver to. Throws `unsupported` on a connection that carries responses only. */
  requireNotifications(): void {
    if (!this.#channel.answersOnly) return;
    throw new HeadgateError(
      'unsupported',
      'a single request brings no notifications; subscribe on a WebSocket or the unix socket, or read GET /runs/{alias}/events',
    );
  }

  /** Refuses a runner that nothing could be asked of. Throws `unsupported` on a connection that carries responses only. */
  requireRequests(): void {
    if (!this.#channel.answersOnly) return;
    throw new HeadgateError('unsupported', 'a runner is asked over its connection, which a single request is not; register on a WebSocket');
  }

  /** Whether its client may be told of that: it is of its project, and of a run that it knows of (SPEC {#own_runs}). */
  sees(of: EventRecord | Said): boolean {
    return this.#bound !== undefined && sees(this.projects.sight(this.#bound.project), of);
  }

  /** Hands on what a model says that the session sees. */
  say(said: Said): void {
    this.#bound?.events.say(said);
  }

  /** Hands on an event that the session sees. */
  offer(event: EventRecord): void {
    this.#bound?.events.offer(event);
  }

  /** Ends the connection because the server stops: what has not begun is not begun any more. */
  close(): void {
    this.#work = [];
    this.#channel.close('going_away');
  }

  #requireBound(): { project: Project; client: string; events: SessionEvents } {
    if (!this.#bound)
      throw new HeadgateError(
        'not_initialized',
        'call init {name, projectRoot} first: it binds this connection to a project; a single request over HTTP names one with the header Headgate-Project: ROOT',
      );
    return this.#bound;
  }

  #runIdOf(run: string): number | undefined {
    try {
      return this.#bound && this.#parts.runtime.requireRun(this.projects.sight(this.#bound.project), run).id;
    } catch {
      return undefined;
    }
  }

  #receive(message: Inbound): void {
    this.runner.heard();
    if (message.kind === 'binary') {
      const { bytes } = message;
      this.#enqueue({ lasting: true, begin: () => this.#frame(bytes) });
    } else if (message.kind === 'end') {
      this.#enqueue({
        lasting: false,
        begin: () => {
          this.#inputEnded = true;
          this.#closeWhenAnswered();
        },
      });
    } else if (message.kind === 'too_large') {
      this.#send(
        refusal(null, 'too_large', `a message is over ${message.limit} bytes and was not read; send less at a time`, {
          limit: message.limit,
        }),
      );
    } else {
      let value: unknown;
      try {
        value = parseMessage(message.bytes);
      } catch (error) {
        this.#send(isHeadgateError(error) ? errorResponse(null, error) : refusal(null, 'parse_error', messageOf(error)));
        return;
      }
      if (Array.isArray(value)) this.#batch(value);
      else this.#enqueue({ lasting: this.#isLasting(value), begin: () => void this.#single(value) });
    }
    this.#holdBack();
  }

  #enqueue(work: Work): void {
    this.#work.push(work);
    this.#parts.turns.ready(this.#waiter);
  }

  /** Begins what came first; false when nothing is left, or the client has to read its responses first. */
  #next(): boolean {
    if (!this.#closed && this.#answersHeld() >= STOP_READING_BYTES) return false;
    this.#work.shift()?.begin();
    if (this.#work.length === 0) this.#readOn();
    return this.#work.length > 0;
  }

  #isLasting(value: unknown): boolean {
    return requestProblem(value) === undefined && !this.#dispatcher.onlyReads((value as RequestMessage).method);
  }

  /** Bytes of responses that the client has not read. Streamed output does not count: the client may end that at any time. */
  #answersHeld(): number {
    return this.#makingBytes + (this.#channel.answersOnly ? 0 : Math.min(this.#answeredBytes, this.#channel.bufferedBytes()));
  }

  #frame(bytes: Buffer): void {
    try {
      this.runner.frame(bytes);
    } catch (error) {
      this.#send(isHeadgateError(error) ? errorResponse(null, error) : refusal(null, 'internal', messageOf(error)));
    }
  }

  async #single(value: unknown): Promise<void> {
    const afterwards: (() => void)[] = [];
    this.#pending++;
    const response = await this.#answer(value, afterwards);
    const text = response && this.#textOf(response);
    if (text) this.#sendText(text instanceof Promise ? await text : text);
    this.#pending--;
    this.#runAll(afterwards);
    this.#closeWhenAnswered();
  }

  #batch(values: readonly unknown[]): void {
    if (values.length === 0) return this.#send(refusal(null, 'invalid_request', 'an empty batch; put at least one request into it'));
    if (values.length > MAX_BATCH) {
      return this.#send(
        refusal(null, 'invalid_request', `${values.length} requests in one batch; at most ${MAX_BATCH} are taken`, { limit: MAX_BATCH }),
      );
    }
    const afterwards: (() => void)[] = [];
    this.#pending++;
    const texts = new BatchText();
    let left = values.length;
    const one = async (value: unknown, index: number) => {
      const refused = texts.full && !this.#isLasting(value) ? texts.refused(value) : undefined;
      const response = refused ?? (await this.#answer(value, afterwards));
      if (response) texts.add(index, response.id, await this.#textOf(response));
      left--;
      if (left > 0) return;
      this.#pending--;
      const text = texts.text();
      if (text) this.#sendText(text);
      this.#runAll(afterwards);
      this.#closeWhenAnswered();
    };
    for (const [index, value] of values.entries()) this.#enqueue({ lasting: this.#isLasting(value), begin: () => void one(value, index) });
  }

  /** One that fails is logged and keeps no other from being done. */
  #runAll(works: readonly (() => void)[], failed = 'what was to follow an answer failed'): void {
    for (const work of works) {
      try {
        work();
      } catch (error) {
        this.#parts.logger.error({ error: messageOf(error) }, failed);
      }
    }
  }

  /** Handles one message and returns its response; undefined for a notification or an answer. Calls the method's handler before it returns. */
  #answer(value: unknown, afterwards: (() => void)[]): Promise<JSONRPCResponse | undefined> {
    if (isAnswer(value)) {
      this.runner.answered(value);
      return Promise.resolve(undefined);
    }
    const problem = requestProblem(value);
    if (problem) return Promise.resolve(refusal(problem.id, 'invalid_request', problem.message));
    const request = value as RequestMessage;
    const binary = binaryOf(request);
    if (binary) {
      this.#frame(binary);
      return Promise.resolve(undefined);
    }
    if (isCancel(request)) return Promise.resolve(this.#cancel(request));
    return this.#call(request, afterwards);
  }

  async #call(request: RequestMessage, afterwards: (() => void)[]): Promise<JSONRPCResponse | undefined> {
    const { id } = request;
    if (this.#unanswered.size >= MAX_IN_FLIGHT) {
      this.#parts.observer?.called(UNBEGUN, 'overloaded');
      if (id === undefined) return undefined;
      return refusal(id, 'overloaded', `${MAX_IN_FLIGHT} requests of this connection are under way; try again when some have returned`, {
        retry_after_ms: RETRY_AFTER_MS,
      });
    }
    if (id !== undefined && id !== null && this.#inFlight.has(id)) {
      this.#parts.observer?.called(UNBEGUN, 'invalid_request');
      return refusal(id, 'invalid_request', `a request with id ${JSON.stringify(id)} is under way; give every request an id of its own`);
    }
    try {
      this.#parts.turns.count(this.#waiter);
      if (this.#dispatcher.onlyReads(request.method)) this.#parts.turns.admit(this.#waiter);
    } catch (error) {
      this.#parts.observer?.called(UNBEGUN, isHeadgateError(error) ? error.kind : 'internal');
      if (id === undefined || !isHeadgateError(error)) return undefined;
      return errorResponse(id, error);
    }
    const abort = new AbortController();
    this.#unanswered.add(abort);
    if (id !== undefined && id !== null) this.#inFlight.set(id, abort);
    try {
      const call = this.#makeCall(request, abort.signal, afterwards);
      const dispatch = () => this.#dispatcher.dispatch(request, call);
      const { address } = this.#origin;
      return (await (address === undefined ? dispatch() : (this.#parts.from?.run(address, dispatch) ?? dispatch()))) ?? undefined;
    } finally {
      this.#unanswered.delete(abort);
      if (id !== undefined && id !== null) this.#inFlight.delete(id);
    }
  }

  #makeCall({ params }: RequestMessage, signal: AbortSignal, afterwards: (() => void)[]): Call {
    return {
      session: this,
      parts: this.#parts,
      signal,
      caller: () => {
        const { project, client } = this.#requireBound();
        const traceparent = this.#parts.traces ? (traceparentOfParams(params) ?? this.#origin.traceparent) : undefined;
        return { project, sight: this.projects.sight(project), client, signal, ...defined({ traceparent }) };
      },
      redacts: (asked) => {
        const sees = seesSecrets(this.scope);
        if (asked !== false || sees) return asked ?? !sees;
        const help = 'leave redact out, or connect as the operator';
        throw new HeadgateError('forbidden', `redact: false needs a token of scope "admin"; this one has "${this.scope}"; ${help}`, {
          scope: 'admin',
        });
      },
      afterAnswer: (work) => void afterwards.push(work),
    };
  }

  /** `$/cancelRequest {id}`: ends the wait of that request, which fails with `cancelled` (SPEC {#cancel_request}). */
  #cancel(request: RequestMessage): JSONRPCResponse | undefined {
    const params = request.params as { id?: unknown } | undefined;
    const target = typeof params === 'object' && params !== null ? params.id : undefined;
    if (typeof target === 'string' || typeof target === 'number') {
      this.#inFlight
        .get(target)
        ?.abort(new HeadgateError('cancelled', 'the request was cancelled by its caller; what it had begun goes on'));
    }
    return request.id === undefined ? undefined : { jsonrpc: '2.0', id: request.id, result: {} };
  }

  /** Sends a response that is small. */
  #send(response: JSONRPCResponse): void {
    this.#sendText(Buffer.from(JSON.stringify(response)));
  }

  /** The text of a response. Until that of a large one is made, what it weighs counts as held, and its connection pays for it. */
  #textOf(response: JSONRPCResponse): Buffer | Promise<Buffer> {
    const { clock, turns } = this.#parts;
    const text = responseText(response, { clock, used: (ms) => turns.used(this.#waiter, ms) });
    if (!(text instanceof Promise)) return text;
    const bytes = weightOf(response, LIMITS.messageBytes);
    this.#makingBytes += bytes;
    return text.finally(() => {
      this.#makingBytes -= bytes;
      if (this.#work.length > 0) turns.ready(this.#waiter);
    });
  }

  #sendText(text: Buffer): void {
    if (this.#closed) return;
    if (this.#channel.bufferedBytes() === 0) this.#answeredBytes = 0;
    this.#answeredBytes += text.length;
    this.#channel.send(text);
    this.#holdBack();
  }

  /** A client that sends no more is left when it has every answer. */
  #closeWhenAnswered(): void {
    if (this.#inputEnded && this.#pending === 0) this.#channel.close('done');
  }

  #holdBack(): void {
    if (!this.#reading || (this.#channel.bufferedBytes() < STOP_READING_BYTES && this.#work.length < STOP_READING_WAITING)) return;
    this.#reading = false;
    this.#channel.pause();
  }

  #drained(): void {
    if (this.#closed) return;
    this.#answeredBytes = 0;
    if (this.#work.length > 0) this.#parts.turns.ready(this.#waiter);
    else this.#readOn();
    this.#bound?.events.pump();
    this.streams.pump();
  }

  #readOn(): void {
    if (this.#reading || this.#closed || this.#channel.bufferedBytes() >= STOP_READING_BYTES) return;
    this.#reading = true;
    this.#channel.resume();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#work = this.#work.filter(({ lasting }) => lasting);
    const gone = new HeadgateError('cancelled', 'the connection is gone');
    const ends = [
      ...[...this.#unanswered].map((abort) => () => abort.abort(gone)),
      () => this.streams.close(),
      () => this.runner.closed(),
      () => this.#bound?.events.close(),
    ];
    this.#runAll(ends, 'a part of a connection could not be ended');
    this.#finish();
  }

  /** Does what the client had asked for before it went, each thing in its turn. */
  #finish(): void {
    this.#work.push({ lasting: true, begin: () => this.#parts.turns.leave(this.#waiter) });
    this.#parts.turns.ready(this.#waiter);
  }
}

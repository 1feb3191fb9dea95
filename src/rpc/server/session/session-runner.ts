import { JSONRPCClient, type JSONRPCResponse } from 'json-rpc-2.0';
import { defined } from '../../../core/defined.ts';
import { ERRORS, type ErrorFacts, type ErrorName, HeadgateError, isHeadgateError, messageOf } from '../../../core/errors.ts';
import type { PixelSize } from '../../../model/place.ts';
import type { InputTaken, KillRequest } from '../../../model/ports/backend.ts';
import type { FenceReason, RemoteRunnerPort } from '../../../model/ports/runner.ts';
import { producerIdOf } from '../../../model/producer-id.ts';
import { askedKill, openLeftover, type Producer, pendingKill } from '../../../model/records.ts';
import type { Registration, RunnerOffer } from '../../../stream/index.ts';
import { CARRIAGE_HEADER_BYTES, peekCarriageHeader } from '../../protocol/carriage.ts';
import {
  type Assignment,
  FRAME_BYTES,
  type RunnerRequestName,
  type RunnerRequestParams,
  type RunnerRequestResult,
} from '../../protocol/runners.ts';
import type { Grant } from '../access.ts';
import type { ServerParts } from '../parts.ts';
import type { MessageChannelLike } from '../transports/message-channel.ts';
import { notificationFrame } from './event-frame.ts';

/** Bytes of one producer that may be on their way to the disk; a sound runner keeps well below. */
const UNSTORED_BYTES = 8 * 1024 * 1024;

interface Handle {
  readonly entryId: number;
  readonly epoch: number;
  unstored: number;
}

/**
 * A connection as the runner that it may become (SPEC {#runner_register}): requests to it, output from it as frames,
 * acknowledgements once stored.
 */
export class SessionRunner implements RemoteRunnerPort {
  name = '';
  bootId: string | null = null;
  /** Id of its state folder, once it is registered. */
  instance = '';
  readonly #parts: ServerParts;
  readonly #channel: MessageChannelLike;
  readonly #grant: Grant;
  readonly #calls: JSONRPCClient;
  readonly #handles = new Map<number, Handle>();
  /** Acknowledgements that go out together. */
  readonly #acks = new Map<string, { handle: number; channel: number; offset: number }>();
  #lastHandle = 0;
  #epoch = 0;
  #fenced: string | undefined;
  #closed = false;

  constructor(options: { parts: ServerParts; channel: MessageChannelLike; grant: Grant }) {
    this.#parts = options.parts;
    this.#grant = options.grant;
    this.#channel = options.channel;
    this.#calls = new JSONRPCClient((message) => this.#channel.send(JSON.stringify(message)));
  }

  // ---- what the runner calls ----

  /** Takes its offer; a connection is one runner, once. Throws conflict, invalid_params, forbidden. */
  register(offer: Omit<RunnerOffer, 'owner'>, bootId: string | null): Registration {
    if (this.name !== '') throw new HeadgateError('conflict', `this connection is runner "${this.name}" already; open another one`);
    this.bootId = bootId;
    const { name: owner, scope } = this.#grant;
    const registration = this.#parts.streams.fleet.register({ ...offer, owner }, this, scope === 'admin');
    this.name = registration.runner.name;
    this.#epoch = registration.runner.epoch;
    this.instance = registration.runner.instance;
    return registration;
  }

  /** After the answer to its registration: hands over what it takes up. */
  begin(): void {
    try {
      this.#parts.streams.fleet.begin(this);
    } catch (error) {
      // It registers again, and everything is handed over then.
      this.#parts.logger.error({ runner: this.name, error: messageOf(error) }, 'a runner could not be told what it has; it is sent away');
      this.#channel.close('done');
    }
  }

  /** A message has come over the connection, whatever it is: behind output a heartbeat can be late (SPEC {#runner_lease}). */
  heard(): void {
    if (this.name !== '' && this.#fenced === undefined && !this.#closed) this.#parts.streams.fleet.heard(this.instance);
  }

  /** Throws unless this connection is a runner: `conflict` before it registers, `stale_epoch` once it is fenced. */
  require(): this {
    if (this.name === '') throw new HeadgateError('conflict', 'this connection is no runner; call runner/register first');
    if (this.#fenced !== undefined) throw new HeadgateError('stale_epoch', this.#fenced, { runner: this.name });
    return this;
  }

  /** What becomes of the handles of a producer that is over. */
  forget(entryId: number): void {
    for (const [number, handle] of this.#handles) if (handle.entryId === entryId) this.#handles.delete(number);
  }

  /** An answer to a request of ours. */
  answered(response: JSONRPCResponse): void {
    this.#calls.receive(response);
  }

  /** A binary message: output. Throws what cannot be blamed on one producer; the connection lives on. */
  frame(message: Buffer): void {
    if (this.name === '') {
      throw new HeadgateError('invalid_request', 'binary message; JSON-RPC comes as text messages, and output from a registered runner');
    }
    const length = message.length - CARRIAGE_HEADER_BYTES;
    if (length < 0) {
      throw new HeadgateError('invalid_request', `a frame of ${message.length} bytes; its header alone has ${CARRIAGE_HEADER_BYTES}`);
    }
    if (length > FRAME_BYTES) {
      throw new HeadgateError('too_large', `a frame of ${length} bytes of output; send at most ${FRAME_BYTES} at a time`, {
        limit: FRAME_BYTES,
      });
    }
    const { handle: number, channel, offset } = peekCarriageHeader(message);
    const handle = this.#handles.get(number);
    const refuse = (error: unknown) => this.#nack(number, channel, offset, error);
    if (this.#fenced !== undefined) return refuse(new HeadgateError('stale_epoch', this.#fenced));
    if (!handle) return refuse(new HeadgateError('not_found', `no producer has handle ${number} on this connection; it may have ended`));
    if (!Number.isSafeInteger(offset))
      return refuse(new HeadgateError('invalid_params', 'the offset is beyond 2^53-1', { field: 'offset' }));
    if (handle.unstored + length > UNSTORED_BYTES) {
      return refuse(
        new HeadgateError('overloaded', 'too much of this producer is on its way; await acknowledgements', { retry_after_ms: 100 }),
      );
    }
    handle.unstored += length;
    const bytes = message.subarray(CARRIAGE_HEADER_BYTES);
    this.#parts.streams.link
      .append(handle.entryId, handle.epoch, channel, offset, bytes)
      .then(() => this.#ack(number, channel, offset + length), refuse)
      .finally(() => {
        handle.unstored -= length;
      });
  }

  /** The connection has ended. */
  closed(): void {
    this.#closed = true;
    this.#calls.rejectAllPendingRequests('the runner is away');
    if (this.name !== '') this.#parts.streams.fleet.gone(this);
  }

  // ---- what the server asks of it ----

  start(producer: Producer): void {
    void this.#assign('runner/start', producer, new Map());
  }

  adopt(producer: Producer, offsets: ReadonlyMap<number, number>): void {
    void this.#assign('runner/adopt', producer, offsets);
  }

  async input(entryId: number, bytes: Buffer, eof: boolean, offset?: number): Promise<InputTaken> {
    const asked = { producer: this.#idOf(entryId), chunk: bytes.toString('base64'), eof, ...defined({ offset }) };
    const { bytes: taken, offset: at } = await this.#call('runner/input', asked).catch((error: unknown) => {
      if (offset === undefined || !isHeadgateError(error, 'invalid_params')) throw error;
      const message = `runner "${this.name}" is of an earlier version, which knows no offset of input; leave it out, or update the runner`;
      throw new HeadgateError('unsupported', message, { field: 'offset', runner: this.name });
    });
    return { bytes: taken, ...(at === undefined ? {} : { offset: at }) };
  }

  async resize(entryId: number, cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    await this.#call('runner/resize', { producer: this.#idOf(entryId), cols, rows, ...defined({ pixels }) });
  }

  async signal(entryId: number, signal: string): Promise<void> {
    await this.#call('runner/signal', { producer: this.#idOf(entryId), signal });
  }

  kill(producer: Producer, request: KillRequest): void {
    const params = { producer: producerIdOf(producer), epoch: producer.epoch, path: producer.path, ...request };
    // Lost with the connection, it is asked for again by the hand-over.
    this.#call('runner/kill', params).catch((error: unknown) => this.#failed('runner/kill', producer, error));
  }

  drain(): void {
    this.#call('runner/drain', {}).catch(() => undefined);
  }

  fence(why: FenceReason, message: string): void {
    this.#fenced = message;
    this.#channel.send(notificationFrame('runner/fenced', { runner: this.name, epoch: this.#epoch, reason: why, message }));
  }

  async #assign(method: 'runner/start' | 'runner/adopt', producer: Producer, offsets: ReadonlyMap<number, number>): Promise<void> {
    const { entryId, epoch } = producer;
    this.forget(entryId);
    const handle = ++this.#lastHandle;
    this.#handles.set(handle, { entryId, epoch, unstored: 0 });
    try {
      await this.#call(method, assignmentOf(producer, handle, offsets));
    } catch (error) {
      if (!this.#failed(method, producer, error)) return;
      // A runner of an earlier version follows nothing after the end of a command; what it runs else must not suffer from it.
      if (openLeftover(producer)) this.#parts.streams.fleet.unfollowed(entryId);
      else this.#channel.close('done');
    }
  }

  /** Logs what a runner refused; false when it is only gone. */
  #failed(method: string, producer: Producer, error: unknown): boolean {
    if (this.#closed || this.#fenced !== undefined) return false;
    this.#parts.logger.error(
      { runner: this.name, method, producer: producer.entryId, error: messageOf(error) },
      'a runner refused a request',
    );
    return true;
  }

  #idOf(entryId: number): string {
    return this.#parts.streams.fleet.idOf(entryId);
  }

  async #call<M extends RunnerRequestName>(method: M, params: RunnerRequestParams<M>): Promise<RunnerRequestResult<M>> {
    const facts = { runner: this.name };
    if (this.#closed || this.#fenced !== undefined) {
      throw new HeadgateError('conflict', `runner "${this.name}" is away; try again when it is back`, facts);
    }
    try {
      return (await this.#calls.request(method, params)) as RunnerRequestResult<M>;
    } catch (error) {
      if (!this.#closed) throw errorOf(error);
      const perhaps = method === 'runner/input' ? 'the bytes may have been taken' : 'it may have been done';
      const message = `runner "${this.name}" went away before it responded; ${perhaps}, look at the output before you send it again`;
      throw new HeadgateError('conflict', message, { ...facts, unanswered: true });
    }
  }

  #ack(handle: number, channel: number, offset: number): void {
    if (this.#acks.size === 0) setImmediate(() => this.#sendAcks());
    const key = `${handle}/${channel}`;
    const known = this.#acks.get(key)?.offset ?? 0;
    this.#acks.set(key, { handle, channel, offset: Math.max(known, offset) });
  }

  #sendAcks(): void {
    const acks = [...this.#acks.values()];
    this.#acks.clear();
    for (const ack of acks) this.#channel.send(notificationFrame('runner/ack', ack));
  }

  #nack(handle: number, channel: number, offset: number, error: unknown): void {
    const named = isHeadgateError(error) ? error : new HeadgateError('internal', `not stored: ${messageOf(error)}`);
    this.#channel.send(
      notificationFrame('runner/nack', { handle, channel, offset, error: { name: named.kind, message: named.message, data: named.data } }),
    );
  }
}

function assignmentOf(producer: Producer, handle: number, offsets: ReadonlyMap<number, number>): Assignment {
  const { epoch, run, path, backend, bootId, spec, ref, createdAt, startedAt } = producer;
  const leftover = openLeftover(producer);
  const state = leftover ? 'running' : (producer.state as Assignment['state']);
  const kill = pendingKill(producer);
  return {
    producer: producerIdOf(producer),
    handle,
    epoch,
    run,
    path,
    backend,
    state,
    bootId,
    spec: { ...spec, env: { ...spec.env } },
    ref,
    kill: kill?.requestedBy === undefined ? null : askedKill({ reason: null, ...kill, requestedBy: kill.requestedBy }),
    ...(leftover ? { leftover: { since: leftover.since, ends: { ...leftover.ends }, limit: leftover.limit } } : {}),
    createdAt,
    startedAt,
    offsets: Object.fromEntries(offsets),
  };
}

/** The error of the catalogue that a runner returned. */
function errorOf(error: unknown): HeadgateError {
  const data: unknown = error instanceof Error && 'data' in error ? error.data : undefined;
  const facts = typeof data === 'object' && data !== null ? ({ ...data } as Record<string, unknown>) : {};
  const { name, status: _status, ...rest } = facts;
  const kind: ErrorName = typeof name === 'string' && name in ERRORS ? (name as ErrorName) : 'internal';
  return new HeadgateError(kind, messageOf(error), rest as ErrorFacts);
}

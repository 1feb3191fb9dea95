import { defined } from '../../core/defined.ts';
import { ERRORS, type ErrorName, HeadgateError } from '../../core/errors.ts';
import type { BackendRef } from '../../model/ports/backend.ts';
import type { LeftoverFact, ProducerEnd, ProducerFailure, RunnerLink } from '../../model/ports/runner.ts';
import type { KillReceipt } from '../../model/records.ts';
import { RpcError } from '../../rpc/client/index.ts';
import { CARRIAGE_HEADER_BYTES, writeCarriageHeader } from '../../rpc/protocol/carriage.ts';
import { FRAME_BYTES } from '../../rpc/protocol/runners.ts';
import type { MethodName, NotificationParamsOf, ParamsOf } from '../../rpc/protocol/table.ts';

/** What the link needs of a connection. */
export interface LinkConnection {
  call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<unknown>;
  sendFrame(frame: Buffer): void;
}

/** Output of all producers on its way, in bytes: what else the runner has to say waits behind it. One frame always goes. */
const IN_FLIGHT_BYTES = 4 * 1024 * 1024;

/** A frame whose bytes are not known to be stored. */
interface Frame {
  readonly offset: number;
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A producer as the connection knows it. */
interface Opened {
  readonly id: string;
  readonly handle: number | undefined;
}

/** The runner's link over one connection: output as frames that the server acknowledges, the rest as calls (SPEC {#runner_output}). */
export class RemoteLink implements RunnerLink {
  left?: (entryId: number, epoch: number, fact: LeftoverFact) => Promise<void>;
  readonly #connection: LinkConnection;
  readonly #opened = new Map<number, Opened>();
  /** Handle and channel -> frames on their way, in order. */
  readonly #frames = new Map<string, Frame[]>();
  #inFlightBytes = 0;
  /** Frames that wait for room, in order. */
  #queue: { readonly bytes: number; readonly send: () => void; readonly reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  constructor(connection: LinkConnection) {
    this.#connection = connection;
  }

  /** Makes a producer known; without a handle the server takes no output of it any more. */
  open(entryId: number, id: string, handle: number | undefined): void {
    this.#opened.set(entryId, { id, handle });
  }

  async started(entryId: number, epoch: number, ref: BackendRef): Promise<void> {
    await this.#call('runner/started', { producer: this.#idOf(entryId), epoch, ref: { ...ref } });
  }

  async append(entryId: number, _epoch: number, channel: number, offset: number, bytes: Buffer): Promise<void> {
    const handle = this.#opened.get(entryId)?.handle;
    if (handle === undefined) throw new HeadgateError('stream_closed', 'the server takes no more output of this producer');
    const sent: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
      sent.push(this.#send(handle, channel, offset + at, bytes.subarray(at, at + FRAME_BYTES)));
    }
    // All of them settle before the call returns, so that none rejects unhandled.
    const refused = (await Promise.allSettled(sent)).find((result) => result.status === 'rejected');
    if (refused) throw refused.reason;
  }

  /** What is acknowledged has been committed; only the server knows what of it the disk has. */
  readonly persist = (): Promise<void> => this.#call('runner/persist', {});

  async completed(entryId: number, epoch: number, end: ProducerEnd): Promise<void> {
    const { exitCode, signal, durationMs, detached, followed, restMs } = end;
    await this.#call('runner/completed', {
      producer: this.#idOf(entryId),
      epoch,
      ...(exitCode === null ? {} : { exitCode }),
      ...(signal === null ? {} : { signal }),
      ...(durationMs === null ? {} : { durationMs }),
      detached: [...detached],
      ...defined({ followed }),
      ...(restMs === undefined || !this.left ? {} : { restMs }),
    });
  }

  async failed(entryId: number, epoch: number, failure: ProducerFailure): Promise<void> {
    const { detached, ...facts } = failure;
    const params = { ...facts, ...(detached ? { detached: [...detached] } : {}) };
    await this.#call('runner/failed', { producer: this.#idOf(entryId), epoch, ...params });
  }

  async killed(entryId: number, epoch: number, receipt: KillReceipt): Promise<void> {
    const params = {
      ...receipt,
      signals: receipt.signals.map((signal) => ({ ...signal, pids: [...signal.pids] })),
      confirmedDead: [...receipt.confirmedDead],
      escaped: [...receipt.escaped],
    };
    await this.#call('runner/killed', { producer: this.#idOf(entryId), epoch, receipt: params });
  }

  /** The server has said that it takes what is written after the end of a producer. */
  takeLeftovers(): void {
    this.left = async (entryId, epoch, { pids, limit, gone }) => {
      await this.#call('runner/leftover', {
        producer: this.#idOf(entryId),
        epoch,
        processes: [...pids],
        ...(limit === null ? {} : { limit }),
        gone,
      });
    };
  }

  /** Everything before `offset` is stored. */
  acked({ handle, channel, offset }: NotificationParamsOf<'runner/ack'>): void {
    const frames = this.#frames.get(`${handle}/${channel}`);
    while (frames?.[0] && frames[0].end <= offset) this.#heardOf(frames.shift())?.resolve();
    this.#sendNext();
  }

  /** One frame was refused. */
  nacked({ handle, channel, offset, error }: NotificationParamsOf<'runner/nack'>): void {
    const frames = this.#frames.get(`${handle}/${channel}`);
    const index = frames?.findIndex((frame) => frame.offset === offset) ?? -1;
    if (index >= 0) this.#heardOf(frames?.splice(index, 1)[0])?.reject(headgateError(error.name, error.message, error.data));
    this.#sendNext();
  }

  /** The connection is gone: nothing more is heard of what is on its way. */
  fail(): void {
    this.#failure = new Error('the connection to the server is gone');
    for (const frames of this.#frames.values()) for (const frame of frames.splice(0)) frame.reject(this.#failure);
    for (const waiting of this.#queue.splice(0)) waiting.reject(this.#failure);
  }

  #send(handle: number, channel: number, offset: number, bytes: Buffer): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes: bytes.length, send: () => this.#sendNow(handle, channel, offset, bytes, { resolve, reject }), reject });
      this.#sendNext();
    });
  }

  /** Sends what there is room for. */
  #sendNext(): void {
    for (;;) {
      const [next] = this.#queue;
      if (!next || (this.#inFlightBytes > 0 && this.#inFlightBytes + next.bytes > IN_FLIGHT_BYTES)) return;
      this.#queue.shift();
      this.#inFlightBytes += next.bytes;
      next.send();
    }
  }

  #heardOf(frame: Frame | undefined): Frame | undefined {
    if (frame) this.#inFlightBytes -= frame.end - frame.offset;
    return frame;
  }

  #sendNow(handle: number, channel: number, offset: number, bytes: Buffer, told: Pick<Frame, 'resolve' | 'reject'>): void {
    const key = `${handle}/${channel}`;
    const frames = this.#frames.get(key) ?? [];
    this.#frames.set(key, frames);
    frames.push({ offset, end: offset + bytes.length, ...told });
    const frame = Buffer.allocUnsafe(CARRIAGE_HEADER_BYTES + bytes.length);
    writeCarriageHeader(frame, 0, { handle, channel, offset });
    frame.set(bytes, CARRIAGE_HEADER_BYTES);
    this.#connection.sendFrame(frame);
  }

  #idOf(entryId: number): string {
    const opened = this.#opened.get(entryId);
    if (opened) return opened.id;
    throw new HeadgateError('not_found', 'the server has not named this producer', { producer: entryId });
  }

  async #call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<void> {
    try {
      await this.#connection.call(method, params);
    } catch (error) {
      throw error instanceof RpcError ? headgateError(error.kind, error.message, error.data) : error;
    }
  }
}

function headgateError(name: string, message: string, data: Readonly<Record<string, unknown>>): HeadgateError {
  const { name: _name, status: _status, ...facts } = data;
  return new HeadgateError(name in ERRORS ? (name as ErrorName) : 'internal', message, facts);
}

import { HeadgateError } from '../../core/errors.ts';

/**
 * Chunks of the terminal carriage: `[stream_type u8][length u32 be][payload]` (SPEC {#tty_frames}). Plain typed arrays, so
 * that a browser can load it.
 */

/** Bytes in front of the payload. */
export const TTY_HEADER_BYTES = 5;
/** Bytes of one payload at most. */
export const TTY_CHUNK_BYTES = 16 * 1024 * 1024;
/** Bytes of the payload of a control chunk from a client at most. */
export const TTY_CONTROL_BYTES = 64 * 1024;

/** The four types of chunks; there will be no others. */
export const TTY_STREAM = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
export type TtyStream = keyof typeof TTY_STREAM;

const NAMES: readonly TtyStream[] = ['stdin', 'stdout', 'stderr', 'control'];

/** Who sends: a client sends stdin and control, a server stdout, stderr and control. */
export type TtySender = 'client' | 'server';

const SENT: Readonly<Record<TtySender, readonly TtyStream[]>> = {
  client: ['stdin', 'control'],
  server: ['stdout', 'stderr', 'control'],
};

/** A piece of what came: bytes of a stream as they arrived, none for a chunk of stdin without payload, which is its end, or the JSON object of one whole control chunk. */
export type TtyPiece =
  | { readonly stream: 'stdin' | 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  | { readonly stream: 'control'; readonly control: TtyControl };

/** The payload of a control chunk: an object with a `type`. */
export type TtyControl = Readonly<Record<string, unknown>> & { readonly type: string };

/** Header of a chunk with a payload of so many bytes. Throws RangeError beyond 16 MiB. */
export function ttyHeader(stream: TtyStream, bytes: number): Uint8Array {
  if (!(bytes >= 0 && bytes <= TTY_CHUNK_BYTES)) throw new RangeError(`a chunk has at most ${TTY_CHUNK_BYTES} bytes; these are ${bytes}`);
  const header = new Uint8Array(TTY_HEADER_BYTES);
  header[0] = TTY_STREAM[stream];
  new DataView(header.buffer).setUint32(1, bytes);
  return header;
}

/** One chunk, whole. Throws RangeError beyond 16 MiB. */
export function ttyChunk(stream: TtyStream, payload: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(TTY_HEADER_BYTES + payload.length);
  chunk.set(ttyHeader(stream, payload.length));
  chunk.set(payload, TTY_HEADER_BYTES);
  return chunk;
}

/** A control chunk, whole. */
export function ttyControl(control: TtyControl): Uint8Array {
  return ttyChunk('control', new TextEncoder().encode(JSON.stringify(control)));
}

/**
 * Takes chunks apart, however they are cut into messages: a message may hold several, and one may be spread over several
 * messages. Bytes of a stream are handed on as they come, so nothing is held but an unfinished header or control chunk.
 * After an error it takes nothing more.
 */
export class TtyDecoder {
  readonly #from: TtySender;
  readonly #controlBytes: number;
  readonly #header = new Uint8Array(TTY_HEADER_BYTES);
  #headed = 0;
  #stream: TtyStream = 'control';
  /** Bytes of the present payload that have not come. */
  #due = 0;
  /** The present payload has no bytes at all. */
  #empty = false;
  #control: Uint8Array[] = [];
  #failed: HeadgateError | undefined;

  /** @param from - who sends what is decoded here; what the other side sends is refused */
  constructor(from: TtySender) {
    this.#from = from;
    this.#controlBytes = from === 'client' ? TTY_CONTROL_BYTES : TTY_CHUNK_BYTES;
  }

  /** True between two chunks. */
  get whole(): boolean {
    return this.#headed === 0;
  }

  /**
   * The pieces that end with these bytes. The bytes of a piece are a view of them. Throws, after everything that came
   * before the fault: `invalid_request` for a type that there is not or that the sender does not send, `too_large`,
   * `parse_error` for a control chunk that is no JSON object with a `type`; each with `reason`.
   */
  *push(bytes: Uint8Array): Generator<TtyPiece, void, void> {
    if (this.#failed) throw this.#failed;
    let at = 0;
    while (at < bytes.length) {
      if (this.#headed < TTY_HEADER_BYTES) {
        this.#header[this.#headed++] = bytes[at++] ?? 0;
        // A type that there is not is told at once; its length may mean nothing.
        if (this.#headed === 1) this.#stream = this.#streamOf(this.#header[0] ?? 0);
        if (this.#headed < TTY_HEADER_BYTES) continue;
        this.#due = this.#lengthOf();
        this.#empty = this.#due === 0;
      }
      const part = bytes.subarray(at, at + this.#due);
      at += part.length;
      this.#due -= part.length;
      const stream = this.#stream;
      if (stream === 'control') this.#control.push(part);
      else if (part.length > 0 || (this.#due === 0 && this.#empty && stream === 'stdin')) yield { stream, bytes: part };
      if (this.#due > 0) return;
      this.#headed = 0;
      if (stream === 'control') yield { stream, control: this.#takeControl() };
    }
  }

  /** Nothing more comes. Throws `invalid_request` in the middle of a chunk. */
  end(): void {
    if (this.#failed) throw this.#failed;
    if (!this.whole) throw this.#fail('invalid_request', 'cut_short', 'the connection ended in the middle of a chunk');
  }

  #streamOf(type: number): TtyStream {
    const stream = NAMES[type];
    if (stream === undefined)
      throw this.#fail('invalid_request', 'unknown_type', `no chunks of type ${type}; 0 is stdin, 1 stdout, 2 stderr, 3 control`);
    if (!SENT[this.#from].includes(stream))
      throw this.#fail('invalid_request', 'wrong_direction', `a ${this.#from} sends no ${stream}; it sends ${SENT[this.#from].join(', ')}`);
    return stream;
  }

  #lengthOf(): number {
    const length = new DataView(this.#header.buffer).getUint32(1);
    const limit = this.#stream === 'control' ? this.#controlBytes : TTY_CHUNK_BYTES;
    if (length > limit)
      throw this.#fail('too_large', 'too_long', `a chunk of ${length} bytes of ${this.#stream}; send at most ${limit} at a time`, {
        limit,
      });
    return length;
  }

  #takeControl(): TtyControl {
    const parts = this.#control;
    this.#control = [];
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(whole));
    } catch {
      throw this.#fail('parse_error', 'no_json', 'a control chunk is no JSON; it is an object such as {"type": "eof"}');
    }
    if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string')
      throw this.#fail('parse_error', 'no_type', 'a control chunk is a JSON object with a type, such as {"type": "eof"}');
    return value as TtyControl;
  }

  #fail(kind: 'invalid_request' | 'too_large' | 'parse_error', reason: string, message: string, facts: object = {}): HeadgateError {
    this.#failed = new HeadgateError(kind, message, { reason, ...facts });
    return this.#failed;
  }
}

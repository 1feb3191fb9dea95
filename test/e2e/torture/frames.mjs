const HEAD_BYTES = 13;

/** Binary messages of one connection, `[handle u32][channel u8][offset u64][bytes]`, told apart by their handles. */
export class Frames {
  #piece;
  #handles = new Map();

  /** @param piece - told each piece as `{subscription, run, path, channel, offset, bytes}` */
  constructor(piece) {
    this.#piece = piece;
  }

  /** A subscription was answered; with the JSON carriage its channels have no handles. */
  opened(subscription, { run, path }, channels, logPath) {
    for (const { handle, path: channelPath } of channels) {
      if (handle !== undefined) this.#handles.set(handle, { subscription, run, path: path ?? logPath(channelPath) });
    }
  }

  /** A later producer of a pattern. */
  joined({ subscription, run, path, handle }) {
    if (handle !== undefined) this.#handles.set(handle, { subscription, run, path });
  }

  take(frame, wrong) {
    const known = frame.length >= HEAD_BYTES ? this.#handles.get(frame.readUInt32BE(0)) : undefined;
    if (known === undefined) return wrong(`a binary message of ${frame.length} bytes without a known handle`);
    this.#piece({ ...known, channel: frame[4], offset: Number(frame.readBigUInt64BE(5)), bytes: frame.subarray(HEAD_BYTES) });
  }
}

import type { OutputSink } from '../../model/ports/backend.ts';

/** Notes how far a sink has stored each channel, so that another handle can deliver the rest. */
export class StoredOffsets {
  readonly offsets: Map<number, number>;
  readonly sink: OutputSink;

  constructor(sink: OutputSink, offsets: ReadonlyMap<number, number>) {
    this.offsets = new Map(offsets);
    this.sink = {
      ...(sink.persist ? { persist: sink.persist } : {}),
      write: async (channel, offset, bytes) => {
        const end = offset + bytes.length;
        await sink.write(channel, offset, bytes);
        this.offsets.set(channel, Math.max(end, this.offsets.get(channel) ?? 0));
      },
    };
  }
}

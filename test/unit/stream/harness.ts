import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { InputTaken, KillRequest } from '../../../src/model/ports/backend.ts';
import type { RunnerPort } from '../../../src/model/ports/runner.ts';
import type { Entry, EventRecord, Producer } from '../../../src/model/records.ts';
import {
  type ChunkPiece,
  type ClosedFact,
  type EndedFact,
  type GapFact,
  Journal,
  type StreamSink,
  Streams,
} from '../../../src/stream/index.ts';
import { propose, tempStore } from '../../support/temp-store.ts';

/** A connection that counts: what it was sent, and how much of it "has not left". */
export class Connection implements StreamSink {
  readonly pieces: ChunkPiece[] = [];
  readonly ends: EndedFact[] = [];
  readonly gaps: GapFact[] = [];
  readonly closures: ClosedFact[] = [];
  readonly order: string[] = [];
  stalled = false;
  buffered = 0;

  bufferedBytes(): number {
    return this.buffered;
  }

  chunk(_subscription: number, piece: ChunkPiece): void {
    this.pieces.push(piece);
    this.order.push('chunk');
    if (this.stalled) this.buffered += piece.bytes.length;
  }

  ended(_subscription: number, end: EndedFact): void {
    this.ends.push(end);
    this.order.push('ended');
  }

  closed(_subscription: number, fact: ClosedFact): void {
    this.closures.push(fact);
    this.order.push('closed');
  }

  gap(_subscription: number, gap: GapFact): void {
    this.gaps.push(gap);
  }

  /** Everything received of a channel, checked to be without gap or overlap from `from`. */
  bytes(channel: number, from = 0): Buffer {
    let at = from;
    const parts: Buffer[] = [];
    for (const piece of this.pieces.filter((one) => one.channel === channel)) {
      if (piece.offset !== at) throw new Error(`channel ${channel}: expected offset ${at}, got ${piece.offset}`);
      parts.push(piece.bytes);
      at += piece.bytes.length;
    }
    return Buffer.concat(parts);
  }
}

/** A runner that only notes what it was asked. */
class NotingRunner implements RunnerPort {
  readonly name = 'embedded';
  readonly bootId = 'this boot';
  readonly started: Producer[] = [];
  readonly adopted: { producer: Producer; offsets: ReadonlyMap<number, number> }[] = [];
  readonly killed: { producer: Producer; request: KillRequest }[] = [];
  start(producer: Producer): void {
    this.started.push(producer);
  }
  adopt(producer: Producer, offsets: ReadonlyMap<number, number>): void {
    this.adopted.push({ producer, offsets });
  }
  input(_entryId: number, bytes: Buffer): Promise<InputTaken> {
    return Promise.resolve({ bytes: bytes.length });
  }
  resize(): Promise<void> {
    return Promise.resolve();
  }
  signal(): Promise<void> {
    return Promise.resolve();
  }
  kill(producer: Producer, request: KillRequest): void {
    this.killed.push({ producer, request });
  }
}

/** Streams over a real store, with helpers to accept commands. */
export async function harness() {
  const temp = await tempStore();
  const make = () => {
    const journal = new Journal({ store: temp.store, logger: silentLogger });
    const streams = new Streams({ store: temp.store, journal, clock: systemClock, logger: silentLogger });
    const runner = new NotingRunner();
    streams.attachRunner(runner);
    const events: EventRecord[] = [];
    journal.onEvent((event) => events.push(event));
    const accept = (slug: string, runnerName: 'client' | 'embedded' = 'client', channels = [1, 2]): Entry => {
      const entry = propose(temp.store, temp.run, slug);
      journal.commit('durable', (tx) =>
        streams.open(tx, entry, {
          backend: 'process',
          runner: runnerName,
          channels,
          spec: { command: `run ${slug}`, cwd: '/', env: {}, stdin: false },
        }),
      );
      return entry;
    };
    return { journal, streams, runner, events, accept };
  };
  return { ...temp, ...make(), again: make };
}

/** Until everything that is due on this and the next ticks has happened. */
export async function settled(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { Attributes, Entry, KillReceipt, Producer, ProducerSpec } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { EntryStatus } from '../model/status.ts';
import type { Redaction } from '../redact/index.ts';
import type { Journal } from './journal.ts';

/** Length and status of one channel, as clients see it. */
export interface ChannelState {
  readonly channel: number;
  readonly path: string;
  readonly bytes: number;
  readonly status: EntryStatus;
}

/** What a subscriber may read of a run (SPEC {#stream_subscribe}). */
export interface StreamSelector {
  readonly projectId: number;
  readonly runId: number;
  /** A log entry's path ... */
  readonly path?: string;
  /** ... or a test over log entries' paths; new producers join. */
  readonly matches?: (path: string) => boolean;
  readonly channel?: number;
  /** Secrets are masked (SPEC {#redaction}). */
  readonly redact?: boolean;
}

/** A piece of a channel on its way to readers. One object for all subscribers at the same place, so that its encoding is made once and kept beside it. */
export interface ChunkPiece {
  readonly run: string;
  /** The log entry's path. */
  readonly path: string;
  readonly channel: number;
  readonly offset: number;
  /**
   * Whole characters when the bytes are UTF-8, unless the channel ends inside one. A receiver that keeps them beyond the call in
   * which it got them is a holder of a pooled buffer.
   */
  readonly bytes: Buffer;
  /** When it was stored, milliseconds since the epoch. */
  readonly at: number;
  /** More than one reader wants it: what is encoded from it is worth keeping. */
  readonly shared: boolean;
}

/** How a producer ended, after the last chunk. */
export interface EndedFact {
  readonly seq: number;
  readonly run: string;
  readonly path: string;
  readonly status: EntryStatus;
  readonly outcome: string | null;
  readonly channels: readonly ChannelState[];
  readonly exit_code?: number;
  readonly signal?: string;
  /** Milliseconds from that end until the last process that held the output had ended. */
  readonly rest_ms?: number;
}

/** Bytes that a reader `from: "live"` was not sent because it fell too far behind. */
export interface GapFact {
  readonly run: string;
  readonly path: string;
  readonly channel: number;
  readonly from: number;
  readonly to: number;
}

/** Why a subscription has ended before its `stream/ended`: there is nothing more that it could deliver (SPEC {#stream_closed}). */
export interface ClosedFact {
  readonly run: string;
  /** Absent for a subscription by pattern. */
  readonly path?: string;
  readonly reason: 'never_started' | 'run_deleted';
  /** How the entry ended; only with `never_started`. */
  readonly status?: EntryStatus;
  readonly outcome?: string | null;
}

/** Where a subscription delivers: one connection. */
export interface StreamSink {
  /** Bytes given to the connection that have not left the process. */
  bufferedBytes(): number;
  chunk(subscription: number, piece: ChunkPiece): void;
  ended(subscription: number, end: EndedFact): void;
  gap(subscription: number, gap: GapFact): void;
  /** Nothing more comes; the subscription is closed already. */
  closed(subscription: number, fact: ClosedFact): void;
  /** A piece could not be read; the reader is served on with the next chunk unless it gives up. */
  failed?(error: unknown): void;
}

/** A channel at the beginning of a subscription. */
export interface SubscribedChannel extends ChannelState {
  /** Byte at which it begins. */
  readonly offset: number;
  /** The log entry whose channel it is. */
  readonly log: string;
}

/** An open stream subscription. */
export interface StreamSubscription {
  readonly id: number;
  readonly channels: readonly SubscribedChannel[];
  /** True when this subscription will deliver, or has delivered, the end of that log entry. */
  covers(runId: number, path: string): boolean;
  /** Sends what is there while the sink has room. The connection calls it when its buffer has drained. */
  pump(): void;
  close(): void;
}

/** What acceptance of a proposal starts. */
export interface ProducerPlan {
  readonly backend: string;
  /** `embedded`, `client`, or the name or a label of a registered runner. */
  readonly runner: string;
  readonly spec: ProducerSpec;
  /** Channel numbers that appear at 102. */
  readonly channels: readonly number[];
}

/** A producer with its channels. */
export interface ProducerView {
  readonly producer: Producer;
  readonly entry: Entry;
  readonly channels: readonly ChannelState[];
  /** What it waits for before it can run, in words; null when it is served. */
  readonly waitsFor: string | null;
  /** True: it waits for input; null: not known (SPEC {#waiting_for_input}). */
  readonly waiting: boolean | null;
}

/** Which producers are listed: those of a run, or of every run within a sight (SPEC {#own_runs}). */
export type ProducerList = ListedRuns & {
  readonly state?: string | undefined;
  /** Rows at most, and rows that are left out before them. */
  readonly limit?: number;
  readonly offset?: number;
};

type ListedRuns =
  | {
      readonly runId: number;
      /** Path of a log entry of that run, or of one of its channels: only its producer. */
      readonly path?: string | undefined;
    }
  | { readonly sight: Sight };

/** How a client ends a producer that it runs itself. */
export interface ClientEnd {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly durationMs?: number;
  readonly epoch?: number;
}

export interface CancelRequest {
  readonly by: string;
  readonly reason: string | null;
  readonly signal?: string;
  readonly graceMs?: number;
}

/** What `stream/receipt` returns. */
export interface ReceiptView {
  readonly state: string;
  readonly receipt: KillReceipt | null;
}

/** Attributes of a log entry that has, or will have, a producer. */
export interface ProducerAttributes extends Attributes {
  readonly command: string;
  readonly summary: string;
  readonly plan: ProducerPlan;
}

/** What the stream layer needs. */
export interface StreamsOptions {
  readonly store: Store;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a runner may be away before what it has is lost, milliseconds. */
  readonly leaseMs?: number;
  /** How long a command is silent before it is looked at whether it waits for input, milliseconds; 0: never. */
  readonly quietMs?: number;
  /** What is masked; the known shapes when left out. */
  readonly redaction?: Redaction;
}

/** How a chunk of input is given to a command. */
export interface InputOptions {
  /** The input ends after it. */
  readonly eof?: boolean;
  /** It is refused where a terminal would echo it (SPEC {#secret_input}). */
  readonly secret?: boolean;
  /** Where it begins in the command's input (SPEC {#input_offset}). */
  readonly offset?: number;
}

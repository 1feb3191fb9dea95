import type { Attributes, Entry, Loop, Project, Run, RunSettings, Turn } from '../model/records.ts';

/** Read access to the stored bytes of one channel, up to a fixed length. */
export interface ChannelReader {
  readonly path: string;
  /** 1 = stdout, 2 = stderr. */
  readonly channel: number;
  /** Bytes and LF bytes within reach. */
  readonly bytes: number;
  readonly lines: number;
  readonly status: number;
  /** Bytes from `from` on, `maxBytes` at most and 1 MiB at most. */
  read(from: number, maxBytes: number): Buffer;
  /** LF bytes before byte `offset`. */
  linesBefore(offset: number): number;
  /** Byte offset at which line `line` (0 = the first) begins. */
  offsetOfLine(line: number): number;
}

/** What was shown to the model of a producer that still ran: the result of its action stays what it was. */
export interface ShownMark {
  readonly channels: Readonly<Record<string, number>>;
}

/** What an assembling plugin may see of the run whose turn it is, and the two marks it may leave. */
export interface RunView {
  readonly project: Project;
  readonly run: Run;
  readonly loop: Loop;
  readonly turn: Turn;
  readonly settings: RunSettings;
  /** Loops that have begun, in order. */
  loops(): readonly Loop[];
  /** Turns before this one, in order. */
  turns(): readonly Turn[];
  /** Entries whose path begins with `prefix`, in order of creation. */
  entries(prefix: string): readonly Entry[];
  /** The channels of a log entry; none when it has no producer. `upTo` bounds their length, channel number -> bytes. */
  channels(entry: Entry, upTo?: Readonly<Record<string, number>>): readonly ChannelReader[];
  /** Stores a text that the model is shown under `path`, once; later calls answer what is stored. */
  record(path: string, body: string): Entry;
  /** Adds attributes to a log entry. */
  mark(entry: Entry, attributes: Attributes): Entry;
}

/** Read access of a tool's handler to the run it works for. */
export interface EntryAccess {
  get(path: string): Entry | undefined;
  /** Entries whose path begins with `prefix`, in order of creation. */
  list(prefix: string): readonly Entry[];
  /** The bytes of a channel entry; undefined for an entry that is none. */
  channel(path: string): ChannelReader | undefined;
}

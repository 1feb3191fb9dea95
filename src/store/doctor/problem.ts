import type { Database } from 'better-sqlite3';

/** One thing that is not as it should be. */
export interface Problem {
  readonly check: string;
  /** `note`: worth knowing, nothing to mend. */
  readonly state: 'bad' | 'note';
  /** What is wrong and, where there is no repair, what to do. */
  readonly detail: string;
  /** Mends it within the open transaction and returns what was done; missing when that would mean guessing. */
  readonly repair?: () => string;
}

/** A command's output file, as far as it is there: channel offset of the first byte that can be read, and of its end. */
export interface SpoolExtent {
  readonly base: number;
  readonly end: number;
}

/** What the checks look at. */
export interface Patient {
  readonly db: Database;
  /** Folder of the channels' files. */
  readonly channelFiles: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Output file of a live producer's channel; undefined when there is none. */
  readonly spool: (producer: { entryId: number; createdAt: number }, channel: number) => SpoolExtent | undefined;
}

import type { KillReceipt } from '../model/records.ts';

/** A command of the run, as tools see it. */
export interface CommandView {
  /** The log entry's path. */
  readonly path: string;
  readonly command: string;
  /** A model of this run started it; others are clients' own. */
  readonly own: boolean;
  readonly live: boolean;
  /** True: it waits for input, after this unfinished last line; null: not known (SPEC {#waiting_for_input}). */
  readonly waiting: boolean | null;
  readonly prompt?: string;
  /** It reads a terminal. */
  readonly terminal: boolean;
  /** It takes input at all. */
  readonly stdin: boolean;
  readonly ageMs: number;
  /** Once it has ended: how, in words such as `exit 0 after 1.2 s`. */
  readonly end?: string;
  /** What the model has been shown of its channels, channel number -> bytes. */
  readonly shown: Readonly<Record<string, number>>;
  /** Paths of its channels, by number. */
  readonly channels: Readonly<Record<string, string>>;
}

/** What may be waited for beside an end: that it waits for input, or that it writes. */
export type CommandNews = 'input' | 'output';

/**
 * The commands of the run that a tool works for. Every method throws `not_found` for any other path.
 * `signal`, `input` and `cancel` throw `forbidden` for a command that no model started (SPEC {#tool_signal}).
 */
export interface CommandAccess {
  /** The commands that have not ended, the oldest first. */
  running(): readonly CommandView[];
  /** A command of the run, by the path of its log entry. Throws `not_found`. */
  view(path: string): CommandView;
  /**
   * Resolves with the first news of any of these commands, at once if one has ended; with undefined when the time is over, or `paths` is
   * empty.
   */
  next(paths: readonly string[], o: { timeoutMs: number; or: readonly CommandNews[] }): Promise<'ended' | CommandNews | undefined>;
  /** Sends a signal such as `SIGINT`; to commands that a model of the run started only. */
  signal(path: string, signal: string): Promise<void>;
  /** Sends `bytes`, and with `eof` the end of the input; returns how many bytes the command took. */
  input(path: string, bytes: Buffer, eof: boolean): Promise<number>;
  /**
   * Ends the command with its process tree; returns the receipt, whose `finishedAt` is null when the kill takes longer than ten seconds.
   */
  cancel(path: string, reason: string | null): Promise<KillReceipt>;
}

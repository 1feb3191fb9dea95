/** A part of a channel as `stream/read` returns it. */
export interface ReadPart {
  readonly from: number;
  readonly to: number;
  /** Length of the channel. */
  readonly bytes: number;
  /** Numbers from 1 of the first and the last line touched, and how many there are; 0 when there are none. */
  readonly lines: { readonly first: number; readonly last: number; readonly total: number };
  readonly data: Uint8Array;
}

/** A line that a search has found. */
export interface Hit {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** A piece of a channel's output. */
export interface OutputPiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** How the output of a command ended. */
export interface OutputEnd {
  readonly status: number;
  readonly outcome: string | null;
  readonly exit_code?: number | undefined;
  readonly signal?: string | undefined;
}

/** Which lines, or which bytes, to read. */
export type ReadRequest =
  | { readonly lines: { readonly first: number; readonly count: number } | { readonly last: number }; readonly maxBytes: number }
  | { readonly from: number; readonly maxBytes: number };

/** One channel of one command. */
export interface ChannelReader {
  read(request: ReadRequest, signal?: AbortSignal): Promise<ReadPart>;
  /** Hits from byte `from` on, and where the next search goes on. */
  search(match: string, from: number, signal?: AbortSignal): Promise<{ hits: readonly Hit[]; to: number; bytes: number }>;
  /** Every byte from `from` to the end of the command, once and in order. */
  follow(from: number, signal: AbortSignal): AsyncGenerator<OutputPiece, OutputEnd | undefined, void>;
}

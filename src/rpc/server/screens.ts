import { HeadgateError } from '../../core/errors.ts';
import { type Played, play, type ScreenPicture, type ScreenSize } from '../../screen/index.ts';
import type { ReadResult, Streams } from '../../stream/index.ts';

/** A request for what a terminal shows; `lines` are rows of the picture. */
export interface ScreenRequest {
  readonly runId: number;
  readonly path: string;
  readonly channel: number;
  /** Default: the size that the terminal was last given, or 80 x 24. */
  readonly cols?: number | undefined;
  readonly rows?: number | undefined;
  /** Secrets are masked. */
  readonly redact: boolean;
  /** With the bytes that draw it. */
  readonly replay?: boolean;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

/** What a channel's output looks like on a terminal (SPEC {#screen}). Throws not_found, stream_not_open. */
export async function screenOf(streams: Streams, request: ScreenRequest): Promise<ScreenPicture> {
  const { runId, path, channel, redact, signal, replay = false } = request;
  const known = sizeOf(streams, runId, path);
  const size: ScreenSize = { cols: request.cols ?? known.cols, rows: request.rows ?? known.rows };
  const read = (from: number, maxBytes: number): ReadResult => streams.read({ runId, path, channel, from, maxBytes, redact });
  const output: Played = { bytes: read(0, 1).bytes, read: (offset, maxBytes) => read(offset, maxBytes).data };
  // tmux brings a terminal of its own.
  const { spec, backend } = streams.view(runId, path).producer;
  return await play(output, size, signal, { replay, pipes: spec.tty === undefined && backend !== 'tmux' });
}

/** The size that a command's terminal was last given, or began with; 80 x 24 where it has none. */
export function sizeOf(streams: Streams, runId: number, path: string): ScreenSize {
  const { producer } = streams.view(runId, path);
  const { cols, rows } = streams.sizes.get(producer.entryId) ?? producer.spec.tty ?? { cols: 80, rows: 24 };
  return { cols, rows };
}

/** Some rows of a picture, with their numbers from 1; the whole of it when nothing is said. */
export function rowsOf(
  { text }: ScreenPicture,
  lines: { readonly first: number; readonly count: number } | { readonly last: number } | undefined,
): { text: string; first: number; last: number; total: number } {
  const total = text.length;
  const first = !lines ? 1 : 'last' in lines ? Math.max(1, total - lines.last + 1) : lines.first;
  const last = Math.min(total, lines && 'count' in lines ? first + lines.count - 1 : total);
  if (first > last) return { text: '', first: 0, last: 0, total };
  return { text: text.rows(first, last), first, last, total };
}

/** Throws `invalid_params` for parts of a read that a picture does not have. */
export function checkScreenRead(params: Readonly<Record<string, unknown>>): void {
  const field = ['from', 'max_bytes', 'match'].find((name) => params[name] !== undefined);
  if (field === undefined) return;
  throw new HeadgateError('invalid_params', `format "screen" has rows and no byte range; leave ${field} out, or take lines`, { field });
}

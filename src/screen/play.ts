import type { Cursor, ScreenSize } from './screen.ts';

/** Bytes that are played at most: the last ones. */
export const PLAYED_BYTES = 8 * 1024 * 1024;
const PAGE_BYTES = 256 * 1024;
const LF = 0x0a;

/** Output to play: how much there is, and how to read some of it from an offset on, at least a byte where there is one. */
export interface Played {
  readonly bytes: number;
  read(offset: number, maxBytes: number): Uint8Array;
}

/** A terminal's picture (SPEC {#screen}). */
export interface ScreenPicture extends ScreenSize {
  /** Offset of the first byte that was played: 0, or the beginning of a line within the last 8 MiB. */
  readonly from: number;
  /** The picture stands for the output up to this offset. */
  readonly to: number;
  readonly cursor: Cursor;
  /** A full-screen program has the terminal. */
  readonly alternate: boolean;
  /** Rows above the screen and of the screen. */
  readonly text: readonly string[];
  /** Bytes that draw it on an empty terminal of this size; what follows `to` goes on from there. Empty when only text was asked for. */
  readonly replay: Buffer;
  /** The rows as HTML; empty when it was not asked for. `cut`: the first rows are left out, because it would be too long. */
  readonly html: string;
  readonly cut: boolean;
}

/** Pictures are made one after the other: each costs up to a second of this process's time. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Plays the end of some output on a terminal of this size. `signal` gives it up, with its reason. `replay: false` leaves
 * its bytes out: to make them holds this process up several times as long as the text does. `html` has the rows made as HTML too; with `pipes` a LF begins
 * a line at its beginning, as a terminal shows the output of a pipe.
 */
export function play(
  output: Played,
  size: ScreenSize,
  signal?: AbortSignal,
  { replay = true, html = false, pipes = false } = {},
): Promise<ScreenPicture> {
  const picture = last.then(() => draw(output, size, signal, { replay, html, pipes }));
  last = picture.catch(() => undefined);
  return picture;
}

async function draw(
  output: Played,
  { cols, rows }: ScreenSize,
  signal: AbortSignal | undefined,
  wanted: { replay: boolean; html: boolean; pipes: boolean },
): Promise<ScreenPicture> {
  // Loaded with the first picture: the terminal library is a tenth of what a server would load at its start.
  const { Screen } = await import('./screen.ts');
  const screen = new Screen({ cols, rows }, undefined, wanted.pipes);
  try {
    const to = output.bytes;
    const from = beginning(output);
    for (let at = from; at < to; ) {
      signal?.throwIfAborted();
      const page = output.read(at, Math.min(PAGE_BYTES, to - at));
      if (page.length === 0) throw new Error(`no output at ${at} of ${to}`);
      await screen.write(page);
      at += page.length;
    }
    const { cursor, isAlternate: alternate } = screen;
    const text = screen.text();
    const replay = wanted.replay ? screen.replay() : Buffer.alloc(0);
    const { html, cut } = wanted.html ? await screen.html(signal) : { html: '', cut: false };
    return { cols, rows, from, to, cursor, alternate, text, replay, html, cut };
  } finally {
    screen.dispose();
  }
}

/** Where to begin: at a line, so that neither a character nor, usually, a control sequence is cut. */
function beginning(output: Played): number {
  const start = output.bytes - PLAYED_BYTES;
  if (start <= 0) return 0;
  const page = output.read(start, PAGE_BYTES);
  const line = page.indexOf(LF);
  return line < 0 ? start : start + line + 1;
}

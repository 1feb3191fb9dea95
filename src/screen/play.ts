import { WarmThreads } from '../core/warm-threads.ts';
import type { Cursor, ScreenSize } from './screen.mjs';
import { ScreenText } from './screen-text.ts';

/** Bytes that are played at most: the last ones. */
export const PLAYED_BYTES = 8 * 1024 * 1024;
const PAGE_BYTES = 256 * 1024;
const LF = 0x0a;
/** Memory of the thread that draws (MiB), beside the cells of the screen. */
const MEMORY_MB = 512;

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
  readonly text: ScreenText;
  /** Bytes that draw it on an empty terminal of this size; what follows `to` goes on from there. Empty when only text was asked for. */
  readonly replay: Buffer;
  /** The UTF-8 of the rows as HTML; empty when it was not asked for. `cut`: the first rows are left out, because it would be too long. */
  readonly html: Buffer;
  readonly cut: boolean;
}

/** What is asked of the thread; `screen-worker.mjs` says in which order. */
interface Request {
  readonly begin?: ScreenSize & { readonly pipes: boolean };
  readonly page?: Uint8Array;
  readonly finish?: { readonly replay: boolean; readonly html: boolean };
}

/** What the thread replies with at the end. */
interface Drawn extends Pick<ScreenPicture, 'cursor' | 'alternate' | 'cut'> {
  readonly text: Uint8Array;
  readonly ends: Uint32Array;
  readonly replay: Uint8Array;
  readonly html: Uint8Array;
}

const threads = new WarmThreads<Request, Drawn>(new URL('./screen-worker.mjs', import.meta.url), {
  name: 'screen',
  resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
});
/** Pictures are made one after the other: each costs up to a second of a processor and 100 MB. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Plays the end of some output on a terminal of this size, in a thread (SPEC {#no_pause}). `signal` gives it up, with its reason. `replay: false`
 * leaves its bytes out: to make them takes several times as long as the text does. `html` has the rows made as HTML too; with `pipes` a LF begins
 * a line at its beginning, as a terminal shows the output of a pipe.
 */
export function play(
  output: Played,
  size: ScreenSize,
  signal: AbortSignal = new AbortController().signal,
  { replay = true, html = false, pipes = false } = {},
): Promise<ScreenPicture> {
  const picture = last.then(() => draw(output, size, signal, { replay, html, pipes }));
  last = picture.catch(() => undefined);
  return picture;
}

async function draw(
  output: Played,
  { cols, rows }: ScreenSize,
  signal: AbortSignal,
  { replay, html, pipes }: { replay: boolean; html: boolean; pipes: boolean },
): Promise<ScreenPicture> {
  return await threads.lend(async (ask) => {
    const to = output.bytes;
    const from = beginning(output);
    await ask({ begin: { cols, rows, pipes } });
    for (let at = from; at < to; ) {
      // What is read may lie in a larger buffer, all of which would be sent.
      const page = new Uint8Array(output.read(at, Math.min(PAGE_BYTES, to - at)));
      const { length } = page;
      if (length === 0) throw new Error(`no output at ${at} of ${to}`);
      await ask({ page }, [page.buffer]);
      at += length;
    }
    const drawn = await ask({ finish: { replay, html } });
    const { cursor, alternate, cut } = drawn;
    const text = new ScreenText(bufferOf(drawn.text), drawn.ends);
    return { cols, rows, from, to, cursor, alternate, text, replay: bufferOf(drawn.replay), html: bufferOf(drawn.html), cut };
  }, signal);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Where to begin: at a line, so that neither a character nor, usually, a control sequence is cut. */
function beginning(output: Played): number {
  const start = output.bytes - PLAYED_BYTES;
  if (start <= 0) return 0;
  const page = output.read(start, PAGE_BYTES);
  const line = page.indexOf(LF);
  return line < 0 ? start : start + line + 1;
}

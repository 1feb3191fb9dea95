import { plainText } from '../../core/plain-text.ts';
import { slices } from '../../core/slice-turns.ts';
import type { CommandView } from '../../hooks/commands.ts';
import type { News } from './news.ts';

/** Bytes read at a time, and the most of one line that is looked at. */
const PAGE_BYTES = 256 * 1024;
const LINE_BYTES = 16 * 1024;
const LINE_CHARS = 500;

/**
 * Looks for a line with a text in what commands write, each byte once however often it is asked. `*` in the text stands for
 * any characters: found piece by piece, so that no text can make it slow.
 */
export class LineSearch {
  readonly #pieces: readonly string[];
  /** Where the first line begins that has not been seen to its end, by channel. */
  readonly #next = new Map<string, number>();
  /** Bytes that a channel had when it was looked at last. */
  readonly #looked = new Map<string, number>();

  constructor(text: string) {
    this.#pieces = text.split('*').filter((piece) => piece !== '');
  }

  /** The first new line that has it, as it reads without control sequences; an unfinished last line counts as well. */
  async look(view: CommandView, news: News, signal: AbortSignal): Promise<string | undefined> {
    for (const [channel, path] of Object.entries(view.channels)) {
      const reader = news.reader(path);
      if (!reader) continue;
      let at = this.#next.get(path) ?? news.sinceLine(view, channel);
      while (at < reader.bytes) {
        const page = reader.read(at, PAGE_BYTES);
        // Much may have come; others have their turn between the pages.
        await slices.next();
        signal.throwIfAborted();
        let begin = 0;
        for (let lf = page.indexOf(10); lf >= 0; lf = page.indexOf(10, begin)) {
          const line = this.#matching(page.subarray(begin, lf));
          begin = lf + 1;
          if (line !== undefined) return line;
        }
        const rest = this.#matching(page.subarray(begin));
        if (rest !== undefined) return rest;
        // A line longer than a page is gone on with in the middle.
        const step = begin > 0 ? begin : page.length < PAGE_BYTES ? 0 : page.length;
        at += step;
        if (step === 0) break;
      }
      this.#next.set(path, at);
      this.#looked.set(path, reader.bytes);
    }
    return undefined;
  }

  /** True when something has come since the last look, also while that was under way. */
  isBehind(view: CommandView, news: News): boolean {
    return Object.values(view.channels).some((path) => (news.reader(path)?.bytes ?? 0) > (this.#looked.get(path) ?? 0));
  }

  #matching(raw: Buffer): string | undefined {
    const line = plainText(raw.subarray(0, LINE_BYTES));
    let at = 0;
    for (const piece of this.#pieces) {
      const found = line.indexOf(piece, at);
      if (found < 0) return undefined;
      at = found + piece.length;
    }
    return line.slice(0, LINE_CHARS);
  }
}

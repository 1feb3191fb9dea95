import { bytesWord } from '../ui/words.ts';
import type { ChannelReader } from './channel-reader.ts';
import { shownLine } from './styled-text.ts';

/** Bytes that are copied at most; a file is for more. */
const COPY_BYTES = 4 * 1024 * 1024;
/** Lines that one read answers. */
const COPY_LINES = 100_000;
const LF = 10;

/**
 * The lines that were chosen, else the whole channel, as they are shown: escape sequences of a command would act on the
 * terminal that they are pasted into. Throws when that is too much.
 */
export async function copiedText(reader: ChannelReader, chosen?: { readonly first: number; readonly last: number }): Promise<string> {
  if (!chosen) {
    const { data, to, bytes } = await reader.read({ from: 0, maxBytes: COPY_BYTES });
    if (to < bytes) throw new Error(`${bytesWord(bytes)} are too much for the clipboard; select lines, or download it`);
    return shownLines(data);
  }
  const { first, last } = chosen;
  const lines = { first, count: Math.min(COPY_LINES, last - first + 1) };
  const part = await reader.read({ lines, maxBytes: COPY_BYTES });
  const isWhole = part.lines.last >= last && (part.data.at(-1) === LF || part.to === part.bytes);
  if (!isWhole) throw new Error('these lines are too much for the clipboard; select fewer lines, or download it');
  return shownLines(part.data);
}

function shownLines(data: Uint8Array): string {
  const lines: string[] = [];
  let start = 0;
  for (let at = data.indexOf(LF); at >= 0; at = data.indexOf(LF, start)) {
    lines.push(shownLine(data.subarray(start, at)));
    start = at + 1;
  }
  lines.push(shownLine(data.subarray(start)));
  return lines.join('\n');
}

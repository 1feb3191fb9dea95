import { plainText } from '../../core/plain-text.ts';
import type { CommandView } from '../../hooks/commands.ts';
import type { ToolCallContext } from '../../hooks/plugin.ts';
import type { ChannelReader } from '../../hooks/views.ts';

/** Bytes of new output that an answer quotes of each channel, the last ones. */
const QUOTED_BYTES = 4 * 1024;

/** Turns whose waits are looked at, the last ones: what was shown before may be shown once more. */
const MARKED_TURNS = 100;

/** Up to where the model has been shown output: log path -> channel number -> bytes. */
export type Seen = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What commands have written since the model was last shown their output, by the marks that earlier waits left. */
export class News {
  /** Which bytes have been quoted. */
  readonly quotes: { path: string; from: number; to: number }[] = [];
  readonly #call: ToolCallContext;
  readonly #marks: readonly Seen[];

  constructor(call: ToolCallContext) {
    this.#call = call;
    const turns = Array.from({ length: Math.min(call.turn, MARKED_TURNS) }, (_, back) => call.turn - back);
    const waits = turns.flatMap((turn) => call.entries.list(`log://turn_${turn}/wait/`));
    this.#marks = waits.flatMap(({ attributes }) => (isSeen(attributes['seen']) ? [attributes['seen']] : []));
  }

  /** A channel as it is now. */
  reader(path: string): ChannelReader | undefined {
    return this.#call.entries.channel(path);
  }

  /** Byte at which the news of a channel begins. */
  since({ path, shown }: CommandView, channel: string): number {
    return Math.max(shown[channel] ?? 0, ...this.#marks.map((mark) => mark[path]?.[channel] ?? 0));
  }

  /** The same, from the beginning of the line that it lies in: half of it may have been shown. */
  sinceLine(view: CommandView, channel: string): number {
    const since = this.since(view, channel);
    const reader = this.reader(view.channels[channel] ?? '');
    return reader ? reader.offsetOfLine(reader.linesBefore(since)) : since;
  }

  /** The new output of every channel, bounded, with where it is. */
  textOf(view: CommandView): string[] {
    return Object.entries(view.channels).flatMap(([channel, path]) => {
      const reader = this.reader(path);
      const since = this.since(view, channel);
      if (!reader || reader.bytes <= since) return [];
      const from = Math.max(since, firstWhole(reader, reader.bytes - QUOTED_BYTES));
      this.quotes.push({ path, from, to: reader.bytes });
      const line = reader.linesBefore(from) + 1;
      const left =
        from > since ? `; ${from - since} new bytes before that are left out, read them with get {"path": ${JSON.stringify(path)}}` : '';
      return [
        `New in ${path}, from line ${line} on (bytes ${from} to ${reader.bytes})${left}:`,
        plainText(reader.read(from, QUOTED_BYTES)).trimEnd(),
      ];
    });
  }

  /** The mark that this wait leaves. */
  seen(views: readonly CommandView[]): Seen {
    const marks = views.map(({ path, channels }) => {
      const bytes = Object.entries(channels).map(([channel, one]) => [channel, this.reader(one)?.bytes ?? 0] as const);
      return [path, Object.fromEntries(bytes)] as const;
    });
    return Object.fromEntries(marks);
  }
}

/** The first line that begins at `from` or later; `from` itself where the line is longer than what would be quoted. */
function firstWhole(reader: ChannelReader, from: number): number {
  if (from <= 0) return 0;
  const at = reader.offsetOfLine(reader.linesBefore(from - 1) + 1);
  return at >= from && at < reader.bytes ? at : from;
}

function isSeen(value: unknown): value is Seen {
  return typeof value === 'object' && value !== null;
}

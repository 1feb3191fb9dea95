import type { ChannelReader, Hit } from './channel-reader.ts';

/** Hits that are kept. */
const MAX_HITS = 10_000;
/** Characters of a pattern that the server takes. */
const MAX_PATTERN_CHARS = 512;

/** What is looked for. */
export interface Query {
  readonly text: string;
  /** `text` is a regular expression and not words as they stand. */
  readonly isPattern: boolean;
}

/** How far a search has come. */
export interface SearchState {
  readonly hits: readonly Hit[];
  /** Part of the channel that was searched, 0 to 1. */
  readonly done: number;
  /** There are more hits than are kept. */
  readonly isCut: boolean;
}

/**
 * The regular expression for a query. Words as they stand match whatever their case, unless they have a capital
 * themselves or are too long for that.
 */
export function patternOf({ text, isPattern }: Query): string {
  if (isPattern) return text;
  const exact = escaped(text);
  if (text !== text.toLowerCase()) return exact;
  const folded = [...text].map((one) =>
    one.toUpperCase() === one || one.toUpperCase().length > 1 ? escaped(one) : `[${one}${one.toUpperCase()}]`,
  );
  const pattern = folded.join('');
  return pattern.length <= MAX_PATTERN_CHARS ? pattern : exact;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** Searches a channel from its beginning, a page at a time. Throws what the server says of the pattern. */
export async function* searchChannel(reader: ChannelReader, query: Query, signal: AbortSignal): AsyncGenerator<SearchState, void, void> {
  const match = patternOf(query);
  const hits: Hit[] = [];
  for (let from = 0; !signal.aborted; ) {
    const page = await reader.search(match, from, signal);
    hits.push(...page.hits.slice(0, MAX_HITS - hits.length));
    const isCut = hits.length === MAX_HITS && page.to < page.bytes;
    yield { hits, done: page.bytes === 0 ? 1 : page.to / page.bytes, isCut };
    if (isCut || page.to >= page.bytes || page.to <= from) return;
    from = page.to;
  }
}

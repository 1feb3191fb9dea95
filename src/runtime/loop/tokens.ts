import { createHash } from 'node:crypto';

/** Characters that are counted at once: the time that a long word takes grows with the square of its length. */
const SLICE_CHARS = 400;
/** How far back from a slice's end a blank is sought, so that few words are cut. */
const BLANK_CHARS = 100;
/** Longer texts are estimated: counting them would hold the server up. */
const MAX_CHARS = 128 * 1024;
/** Bytes of one token in a text that is estimated: rather too few than too many. */
const BYTES_PER_TOKEN = 3;
/** Counts that are kept, by the hash of their text. */
const KEPT = 20_000;

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

let loading: Promise<CountTokens> | undefined;

/**
 * The counter of o200k, which is OpenAI's; for models of others it is an estimate (SPEC {#context_budget}). Its table is loaded
 * with the first call. Counts are kept, because most of a packet was in the one before it.
 */
export function tokenCounter(): Promise<CountTokens> {
  loading ??= load();
  return loading;
}

async function load(): Promise<CountTokens> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  // What looks like a control token in a command's output is text.
  const options = { disallowedSpecial: new Set<string>() };
  const kept = new Map<string, number>();
  return (text) => {
    if (text.length > MAX_CHARS) return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
    if (text.length <= SLICE_CHARS) return countTokens(text, options);
    const key = createHash('sha1').update(text).digest('base64');
    const known = kept.get(key);
    if (known !== undefined) return known;
    let tokens = 0;
    for (let from = 0; from < text.length; ) {
      const to = sliceEnd(text, from);
      tokens += countTokens(text.slice(from, to), options);
      from = to;
    }
    if (kept.size >= KEPT) kept.clear();
    kept.set(key, tokens);
    return tokens;
  };
}

/** Before a blank where there is one near: tokens begin with the blank before their word. */
function sliceEnd(text: string, from: number): number {
  const most = from + SLICE_CHARS;
  if (most >= text.length) return text.length;
  for (let at = most; at > most - BLANK_CHARS; at--) if (text[at] === ' ' || text[at - 1] === '\n') return at;
  const low = text.charCodeAt(most) & 0xfc00;
  return low === 0xdc00 ? most - 1 : most;
}

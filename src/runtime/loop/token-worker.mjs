import { parentPort } from 'node:worker_threads';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * Counts the tokens of texts in o200k, in a thread of its own: its table takes some hundred milliseconds to load (SPEC {#no_pause},
 * {#context_budget}). Takes `{id, question}`, texts, and posts `{id, reply}`, a number for each.
 */

/** Characters that are counted at once: the time that a long word takes grows with the square of its length. */
const SLICE_CHARS = 400;
/** How far back from a slice's end a blank is sought, so that few words are cut. */
const BLANK_CHARS = 100;
/** What looks like a control token in a command's output is text. @type {{ disallowedSpecial: Set<string> }} */
const OPTIONS = { disallowedSpecial: new Set() };

/** @param {string} text */
function tokensOf(text) {
  let tokens = 0;
  for (let from = 0; from < text.length; ) {
    const to = sliceEnd(text, from);
    tokens += countTokens(text.slice(from, to), OPTIONS);
    from = to;
  }
  return tokens;
}

/** Before a blank where there is one near: tokens begin with the blank before their word. @param {string} text @param {number} from */
function sliceEnd(text, from) {
  const most = from + SLICE_CHARS;
  if (most >= text.length) return text.length;
  for (let at = most; at > most - BLANK_CHARS; at--) if (text[at] === ' ' || text[at - 1] === '\n') return at;
  const low = text.charCodeAt(most) & 0xfc00;
  return low === 0xdc00 ? most - 1 : most;
}

parentPort?.on('message', (/** @type {{ id: number, question: string[] }} */ { id, question }) => {
  parentPort?.postMessage({ id, reply: question.map(tokensOf) });
});

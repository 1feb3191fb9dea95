import { MAX_CALLS, type ModelEvent } from '../../model/ports/model-provider.ts';
import { FOREIGN, foreignCalls, foreignWord, mayBeForeign } from './foreign.ts';
import { closingTag, type TagTool } from './grammar.ts';
import { readTag } from './tag.ts';
import { type CallEvent, tagCall } from './tag-call.ts';

/** A fence line, whole or begun, that may be around a call. */
const FENCE_END = /(^|\n)(`{1,2}|```[a-z]*[ \t]*(?:\r?\n\s*)?)$/i;
const WHOLE_FENCE = /^```[a-z]*[ \t]*\r?\n\s*$/i;
const THINKING = ['think', 'thinking'];

/** More text is needed, or the tag is not a tool's, or these calls up to there. */
type Step = 'wait' | 'text' | { readonly calls: readonly CallEvent[]; readonly end: number; readonly closedBy?: string };

/** A call with what is needed to take it back. */
interface Found {
  event: CallEvent;
  /** Name of its closing tag, when it had one without a word of its own. */
  readonly closedBy: string | undefined;
  readonly raw: string;
}

/**
 * Reads calls out of a model's text as it comes (SPEC {#dialect_xml}). Text outside of tags is given back at once; what may
 * become a tag is held back. Never throws, and everything outside of calls is text: nothing is dropped but a fence around a call, which is
 * said with it.
 */
export class CallReader {
  readonly #tools: readonly TagTool[];
  readonly #nextId: () => string;
  readonly #openings: RegExp;
  readonly #closings: RegExp;
  readonly #names: readonly string[];
  readonly #calls: Found[] = [];
  /** Closing tags that are nowhere in the rest of an answer that is over: sought once, not once a tag. */
  readonly #absent = new Set<string>();
  /** Text that has not been understood yet. */
  #rest = '';
  /** Where in it to go on looking. */
  #from = 0;
  /** Where to go on looking for the closing tag of the tag at the beginning of `rest`. */
  #searched = 0;
  /** Last character of the text given back: what a tag stands behind. */
  #before = '\n';
  /** Of the line given back last, so far there is only space. */
  #blank = true;
  /** Given back: an odd number of fence lines, so the next one closes. */
  #inFence = false;
  /** A call has just ended; the end of its line goes with it. */
  #ended = false;
  /** A fence was left out before a call; its other half is to be left out as well. */
  #fenced = false;
  #thinking: string | undefined;

  constructor(tools: readonly TagTool[], nextId: () => string) {
    this.#tools = tools;
    this.#nextId = nextId;
    this.#names = [...tools.map(({ name }) => name), ...THINKING];
    const names = this.#names.join('|');
    this.#openings = new RegExp(`^<(${names})(?=[\\s/>])`, 'i');
    this.#closings = new RegExp(`^</(${tools.map(({ name }) => name).join('|') || '(?!)'})\\s*>`, 'i');
  }

  /** Takes a piece of the answer; gives back the text that is certain to be no call. */
  push(piece: string): string {
    this.#rest += piece;
    return this.#read(false);
  }

  /** The end of the answer: the rest of the text, and all calls in their order. `cut`: it ended at a limit, not by itself. */
  end(cut: boolean): { text: string; calls: ModelEvent[] } {
    const text = this.#read(true, cut);
    return { text, calls: this.#calls.map(({ event }) => event) };
  }

  #read(final: boolean, cut = false): string {
    let out = '';
    for (;;) {
      if (this.#ended && !this.#dropLineEnd(final)) return out;
      if (this.#fenced && !this.#dropFence(final)) return out;
      if (this.#thinking !== undefined) {
        const found = this.#rest.slice(this.#from).search(new RegExp(this.#thinking, 'i'));
        const end = found < 0 ? found : found + this.#from;
        const upTo =
          end >= 0 ? end + this.#thinking.length : final ? this.#rest.length : Math.max(0, this.#rest.length - this.#thinking.length);
        out += this.#give(upTo);
        if (end < 0) return out;
        this.#thinking = undefined;
      }
      const at = this.#rest.indexOf('<', this.#from);
      if (at < 0) return out + this.#give(final ? this.#rest.length : this.#safe(this.#rest.length));
      const step = this.#at(at, final, cut);
      if (step === 'wait') return out + this.#give(this.#safe(at));
      if (step === 'text') {
        this.#from = at + 1;
        continue;
      }
      // The text before the call; a fence that was opened for it alone goes with it.
      const fence = this.#fenceBefore(at);
      const text = this.#rest.slice(0, fence ?? at);
      this.#note(text);
      out += text;
      this.#fenced = fence !== undefined;
      const raw = this.#rest.slice(at, step.end);
      for (const event of step.calls)
        this.#calls.push({
          event: fence === undefined ? event : withRepair(event, 'left out the fence around it'),
          closedBy: step.closedBy,
          raw,
        });
      this.#rest = this.#rest.slice(step.end);
      this.#ended = true;
      this.#from = 0;
      this.#searched = 0;
      this.#before = '\n';
      this.#blank = true;
    }
  }

  /** What stands at a `<`. */
  #at(at: number, final: boolean, cut: boolean): Step {
    const text = this.#rest.slice(at, at + 256);
    const before = at > 0 ? this.#rest[at - 1] : this.#before;
    if (this.#calls.length > MAX_CALLS) return 'text';
    // Quoted, or a part of something else, such as the parameter of a type.
    if (before !== undefined && /[\w`]/.test(before)) return 'text';
    const stray = this.#closings.exec(text)?.[1];
    if (stray !== undefined) {
      this.#doubt(stray.toLowerCase());
      return 'text';
    }
    const opening = this.#openings.exec(text)?.[1];
    if (opening !== undefined) return this.#tag(at, opening, final, cut);
    const foreign = FOREIGN.exec(text)?.[0];
    if (foreign !== undefined) return this.#foreign(at, foreign, final);
    if (final) return 'text';
    const begun = text.slice(text.startsWith('</') ? 2 : 1).toLowerCase();
    const may = this.#names.some((name) => name.startsWith(begun) || (text.startsWith('</') && new RegExp(`^${name}\\s*$`).test(begun)));
    return may || mayBeForeign(text) ? 'wait' : 'text';
  }

  #tag(at: number, given: string, final: boolean, cut: boolean): Step {
    const tool = this.#tools.find(({ name }) => name === given.toLowerCase());
    if (!tool) {
      // A thought, which is passed on as it is, whatever it looks like.
      this.#thinking = `</${given.toLowerCase()}>`;
      return 'text';
    }
    const known = (name: string) => name === 'end' || tool.schema.properties.has(name);
    const tag = readTag(this.#rest, at + 1 + given.length, known, final);
    if (tag.kind === 'wait' || tag.kind === 'text') return tag.kind;
    const id = this.#nextId();
    if (tag.kind === 'bad') {
      const close = this.#closing(tool.name, undefined, tag.end, final);
      if (!close && !final) return 'wait';
      const end = close?.end ?? tag.end;
      return { calls: [this.#unreadable(id, tool, this.#rest.slice(at, end), `${tag.problem}.`)], end };
    }
    const repairs = [...(given === tool.name ? [] : [`read <${given}> as <${tool.name}>`]), ...tag.repairs];
    const attributes = new Map(tag.attributes);
    const endWord = tool.schema.properties.has('end') ? undefined : attributes.get('end');
    if (endWord !== undefined) attributes.delete('end');
    if (tag.selfClosing) return { calls: [tagCall(id, tool, attributes, undefined, repairs)], end: tag.end };
    const close = this.#closing(tool.name, endWord, Math.max(tag.end, this.#searched), final);
    if (close) {
      const between = this.#rest.slice(tag.end, close.at);
      const event = tagCall(id, tool, attributes, between, repairs);
      return { calls: [event], end: close.end, ...(endWord === undefined ? { closedBy: tool.name } : {}) };
    }
    if (!final) {
      // A closing tag may have come in part.
      this.#searched = Math.max(tag.end, this.#rest.length - 64);
      return 'wait';
    }
    return this.#unclosed(at, tool, { id, attributes, end: tag.end, repairs, cut });
  }

  /** The answer is over, and a tag was never closed. */
  #unclosed(
    at: number,
    tool: TagTool,
    o: { id: string; attributes: ReadonlyMap<string, string>; end: number; repairs: readonly string[]; cut: boolean },
  ): Step {
    const between = this.#rest.slice(o.end);
    const repairs = [...o.repairs, `closed <${tool.name}>`];
    const complete = [...tool.schema.required].every((key) => o.attributes.has(key));
    if (tool.body === undefined && !complete) return 'text';
    if (tool.body === undefined || o.attributes.has(tool.body) || (complete && between.trim() === ''))
      return { calls: [tagCall(o.id, tool, o.attributes, undefined, repairs)], end: o.end };
    // A word in angle brackets, of which there are many.
    if (o.attributes.size === 0 && (!this.#beginsLine(at) || between.trim() === '')) return 'text';
    const end = this.#rest.length;
    if (between.trim() !== '' && !between.trim().includes('\n') && !o.cut && !between.includes('<'))
      return { calls: [tagCall(o.id, tool, o.attributes, between.trim(), repairs)], end };
    const why = o.cut ? ', because the answer reached its limit of tokens; make it shorter' : '';
    return { calls: [this.#unreadable(o.id, tool, this.#rest.slice(at), `there is no </${tool.name}> behind it${why}.`)], end };
  }

  #foreign(at: number, opening: string, final: boolean): Step {
    const word = foreignWord(opening);
    const from = at + opening.length;
    const close = this.#closing(word, undefined, Math.max(from, this.#searched), final);
    if (!close && !final) {
      this.#searched = Math.max(from, this.#rest.length - 64);
      return 'wait';
    }
    const calls = foreignCalls(opening, this.#rest.slice(from, close?.at), this.#tools, this.#nextId);
    return { calls: close ? calls : calls.map((event) => withRepair(event, `closed <${word}>`)), end: close?.end ?? this.#rest.length };
  }

  #closing(name: string, endWord: string | undefined, from: number, final: boolean): { at: number; end: number } | undefined {
    const key = `${name} ${endWord ?? ''}`;
    if (this.#absent.has(key)) return undefined;
    const pattern = closingTag(name, endWord);
    pattern.lastIndex = from;
    const found = pattern.exec(this.#rest);
    if (final && !found) this.#absent.add(key);
    return found ? { at: found.index, end: found.index + found[0].length } : undefined;
  }

  /** A closing tag too many: the body before it may have ended early, at a place that cannot be told. */
  #doubt(name: string): void {
    const found = this.#calls.findLast(({ closedBy, event }) => closedBy === name && event.type === 'call');
    const tool = this.#tools.find((one) => one.name === name);
    if (!found || !tool || found.event.type !== 'call') return;
    const problem = `another </${name}> follows it, so its text may have ended early. Begin it with <${name} end="WORD"> and end it with </${name} WORD>, with a word that is not in the text.`;
    found.event = this.#unreadable(found.event.call.id, tool, found.raw, problem);
  }

  #unreadable(id: string, tool: TagTool, raw: string, problem: string): CallEvent {
    return { type: 'bad-call', id, tool: tool.name, raw, problem, final: true };
  }

  /** Where a fence line begins that stands directly before a call and opens a block; undefined when there is none. */
  #fenceBefore(at: number): number | undefined {
    const text = this.#rest.slice(0, at);
    const found = FENCE_END.exec(text);
    if (found?.[2] === undefined || !WHOLE_FENCE.test(found[2])) return undefined;
    const start = text.length - found[2].length;
    if (start === 0 && this.#before !== '\n') return undefined;
    const fences = this.#fencesIn(text.slice(0, start));
    return this.#inFence === (fences % 2 === 0) ? undefined : start;
  }

  /** How much text up to there can be given back: not what may be a fence before a call. */
  #safe(upTo: number): number {
    const found = FENCE_END.exec(this.#rest.slice(0, upTo));
    return found?.[2] === undefined ? upTo : upTo - found[2].length;
  }

  /** Leaves out the rest of the line behind a call when it is empty; false while it may still be. */
  #dropLineEnd(final: boolean): boolean {
    if (!final && /^[ \t]*\r?$/.test(this.#rest)) return false;
    this.#rest = this.#rest.replace(/^[ \t]*\r?\n/, '');
    this.#ended = false;
    return true;
  }

  /** Leaves out the closing fence behind a call; false while it may still come. */
  #dropFence(final: boolean): boolean {
    if (!final && /^\s*`{0,2}$/.test(this.#rest)) return false;
    const closing = /^\s*```[ \t]*(?:\r?\n|$)/.exec(this.#rest);
    if (closing) {
      if (!final && closing[0].length === this.#rest.length && !closing[0].endsWith('\n')) return false;
      this.#rest = this.#rest.slice(closing[0].length);
    }
    this.#fenced = false;
    return true;
  }

  /** Gives text back. */
  #give(upTo: number): string {
    const text = this.#rest.slice(0, upTo);
    this.#rest = this.#rest.slice(upTo);
    this.#from = Math.max(0, this.#from - upTo);
    this.#searched = Math.max(0, this.#searched - upTo);
    this.#note(text);
    return text;
  }

  #note(text: string): void {
    if (text === '') return;
    const fences = this.#fencesIn(text);
    if (fences % 2 === 1) this.#inFence = !this.#inFence;
    this.#before = text.at(-1) ?? '\n';
    const line = text.slice(text.lastIndexOf('\n') + 1);
    this.#blank = (this.#blank || line.length < text.length) && line.trim() === '';
  }

  /** Fence lines in text that follows what was given back. */
  #fencesIn(text: string): number {
    return `${this.#before === '\n' ? '\n' : ''}${text}`.match(/\n```/g)?.length ?? 0;
  }

  /** True when there is nothing but space before, on its line. */
  #beginsLine(at: number): boolean {
    const before = this.#rest.slice(0, at);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    return line.trim() === '' && (line.length < before.length || this.#blank);
  }
}

function withRepair(event: CallEvent, repair: string): CallEvent {
  return event.type === 'call' ? { ...event, repaired: [repair, ...(event.repaired ?? [])] } : event;
}

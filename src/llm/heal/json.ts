import { nestedDeeper } from '../../core/json-depth.ts';

/** A JSON text that was nearly right, read with what had to be mended, or where it cannot be read. */
export type Mended = { readonly value: unknown; readonly repairs: readonly string[] } | { readonly problem: string };

const MAX_DEPTH = 64;
const TOO_DEEP = `more than ${MAX_DEPTH} levels`;
const LITERALS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null, True: true, False: false, None: null };

class Unreadable extends Error {}

/**
 * Reads JSON as models write it (SPEC {#healing}): single quotes, keys without quotes, trailing commas, comments, Python's
 * literals, raw line ends in strings, a fence around it, missing or additional closing brackets at the end. What has more
 * than one reading is a problem with its place: a string or a number that may go on, an unknown escape. Never throws.
 */
export function mendJson(text: string): Mended {
  try {
    const value: unknown = JSON.parse(text);
    return nestedDeeper(Buffer.from(text), MAX_DEPTH) ? { problem: TOO_DEEP } : { value, repairs: [] };
  } catch {
    try {
      return new Reader(text).read();
    } catch (error) {
      if (error instanceof Unreadable) return { problem: error.message };
      throw error;
    }
  }
}

class Reader {
  readonly #text: string;
  readonly #repairs = new Set<string>();
  #at = 0;
  /** Closing brackets that the text ended without. */
  #missing = '';

  constructor(text: string) {
    const trimmed = text.trim();
    const fence = trimmed.endsWith('```') ? /^```[a-z]*[ \t]*\r?\n/i.exec(trimmed)?.[0] : undefined;
    if (fence !== undefined) this.#repairs.add('left out the fence around its JSON');
    this.#text = (fence === undefined ? text : trimmed.slice(fence.length, -3)).replace(/^\uFEFF/, '');
  }

  read(): Mended {
    const value = this.#value(0);
    this.#space();
    const rest = this.#text.slice(this.#at);
    if (rest !== '') {
      if (!/^[\]}\s]+$/.test(rest)) this.#fail('more text than one value');
      this.#repairs.add(`left out "${rest.trim()}" after the end of its JSON`);
    }
    if (this.#missing !== '') this.#repairs.add(`added the missing "${this.#missing}" at the end of its JSON`);
    return { value, repairs: [...this.#repairs] };
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(TOO_DEEP);
    this.#space();
    const char = this.#text[this.#at];
    if (char === undefined) this.#fail('a value is missing');
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"' || char === "'") return this.#string(char);
    return this.#word();
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    this.#items('}', () => {
      const key = this.#key();
      this.#space();
      if (this.#text[this.#at] !== ':') this.#fail(`":" is missing after the key "${key}"`);
      this.#at++;
      // As JSON.parse does it: a key of that name is a key, and no prototype.
      Object.defineProperty(object, key, { value: this.#value(depth + 1), enumerable: true, writable: true, configurable: true });
    });
    return object;
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    this.#items(']', () => void array.push(this.#value(depth + 1)));
    return array;
  }

  #items(close: string, item: () => void): void {
    for (let first = true; ; first = false) {
      this.#space();
      if (this.#closes(close)) return;
      if (!first) {
        if (this.#text[this.#at] !== ',') this.#fail(`"," or "${close}" is missing`);
        this.#at++;
        this.#space();
        if (this.#text[this.#at] === close) {
          this.#repairs.add('left out a comma before a closing bracket');
          this.#at++;
          return;
        }
      }
      item();
    }
  }

  /** At a closing bracket, or at an end of the text where only that can follow. */
  #closes(close: string): boolean {
    if (this.#at >= this.#text.length) {
      const before = this.#text.slice(0, this.#at).trimEnd().at(-1) ?? '';
      if (!'"\'}]'.includes(before)) this.#fail('the text ends in the middle');
      this.#missing += close;
      return true;
    }
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  #key(): string {
    const char = this.#text[this.#at];
    if (char === '"' || char === "'") return this.#string(char);
    const word = /^[A-Za-z_$][\w$-]*/.exec(this.#text.slice(this.#at, this.#at + 256))?.[0];
    if (word === undefined) this.#fail('a key is missing');
    this.#at += word.length;
    this.#repairs.add('put quotes around a key');
    return word;
  }

  #string(quote: string): string {
    if (quote === "'") this.#repairs.add('read single quotes as double ones');
    const from = this.#at++;
    let value = '';
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail('the text ends in the middle of a string', from);
      this.#at++;
      if (char === quote) return value;
      if (char === '\\') value += this.#escape();
      else {
        if (char < ' ') this.#repairs.add('escaped control characters in a string');
        value += char;
      }
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++] ?? '';
    const plain: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' };
    const known = plain[char];
    if (known !== undefined) return known;
    if (char === "'") {
      this.#repairs.add("read \\' as '");
      return "'";
    }
    const hex = char === 'u' ? /^[0-9a-fA-F]{4}/.exec(this.#text.slice(this.#at, this.#at + 4))?.[0] : undefined;
    if (hex === undefined) this.#fail(`"\\${char}" is no escape of JSON; write "\\\\${char}" for a backslash`, this.#at - 2);
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #word(): unknown {
    const word = /^[^\s,:\]}"'{[]+/.exec(this.#text.slice(this.#at, this.#at + 256))?.[0] ?? '';
    const from = this.#at;
    this.#at += word.length;
    if (Object.hasOwn(LITERALS, word)) {
      if (/^[TFN]/.test(word)) this.#repairs.add(`read ${word} as ${String(LITERALS[word])}`);
      return LITERALS[word];
    }
    // Where the text ends behind a number it may have had more digits.
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) return Number(word);
    this.#fail(word === '' ? 'a value is missing' : `"${word}" is no value; strings need quotes`, from);
  }

  #space(): void {
    for (;;) {
      const space = /^\s+/.exec(this.#text.slice(this.#at, this.#at + 4096))?.[0];
      if (space !== undefined) {
        this.#at += space.length;
        continue;
      }
      const two = this.#text.slice(this.#at, this.#at + 2);
      if (two !== '//' && two !== '/*') return;
      const end = two === '//' ? this.#text.indexOf('\n', this.#at) : this.#text.indexOf('*/', this.#at + 2);
      if (end < 0 && two === '/*') this.#fail('a comment has no end');
      this.#at = end < 0 ? this.#text.length : two === '//' ? end : end + 2;
      this.#repairs.add('left out comments');
    }
  }

  #fail(what: string, at = this.#at): never {
    const near = this.#text.slice(Math.max(0, at - 20), at + 20);
    throw new Unreadable(`${what}, at character ${at + 1}${near === '' ? '' : `, near ${JSON.stringify(near)}`}`);
  }
}

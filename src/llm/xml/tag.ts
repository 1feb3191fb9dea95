import { decodeAttribute } from './grammar.ts';

/** An opening tag from behind its name on. */
export type Tag =
  /** More text is needed. */
  | { readonly kind: 'wait' }
  /** Words in angle brackets that are no call. */
  | { readonly kind: 'text' }
  | { readonly kind: 'bad'; readonly end: number; readonly problem: string }
  | {
      readonly kind: 'tag';
      /** Index behind its `>`. */
      readonly end: number;
      readonly attributes: ReadonlyMap<string, string>;
      readonly selfClosing: boolean;
      readonly repairs: readonly string[];
    };

const NAME = /[A-Za-z_][\w.-]*/y;
const UNQUOTED = /[^\s"'<>]+/y;
const SPACE = /\s*/y;

/**
 * Reads the attributes of a tag.
 *
 * @param at - index behind the tag's name
 * @param known - true for the name of a parameter
 * @param final - true: no more text will come
 */
export function readTag(text: string, at: number, known: (name: string) => boolean, final: boolean): Tag {
  const attributes = new Map<string, string>();
  const repairs: string[] = [];
  const more = (problem: string): Tag => (final ? { kind: 'bad', end: text.length, problem } : { kind: 'wait' });
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const bad = (problem: string): Tag => {
    const close = text.indexOf('>', at);
    return close < 0 ? more(problem) : { kind: 'bad', end: close + 1, problem };
  };
  for (;;) {
    take(SPACE);
    const char = text[at];
    if (char === undefined) return attributes.size === 0 && final ? { kind: 'text' } : more('the tag has no end');
    if (char === '>') return { kind: 'tag', end: at + 1, attributes, selfClosing: false, repairs };
    if (char === '/') {
      if (text[at + 1] === '>') return { kind: 'tag', end: at + 2, attributes, selfClosing: true, repairs };
      if (text[at + 1] === undefined) return more('the tag has no end');
      return attributes.size === 0 ? { kind: 'text' } : bad('there is a "/" within the tag');
    }
    const name = take(NAME);
    if (name === '') return attributes.size === 0 ? { kind: 'text' } : bad(`an attribute cannot begin with ${JSON.stringify(char)}`);
    if (at >= text.length && !final) return { kind: 'wait' };
    take(SPACE);
    if (text[at] === undefined && !final) return { kind: 'wait' };
    if (text[at] !== '=') {
      if (!known(name)) return attributes.size === 0 ? { kind: 'text' } : bad(`the attribute ${name} has no value`);
      attributes.set(name, 'true');
      repairs.push(`read the attribute ${name} without a value as true`);
      continue;
    }
    at++;
    take(SPACE);
    const quote = text[at];
    if (quote === undefined) return more(`the attribute ${name} has no value`);
    if (attributes.has(name)) return bad(`the attribute ${name} is there twice`);
    if (quote === '"' || quote === "'") {
      const close = text.indexOf(quote, at + 1);
      if (close < 0) return more(`the value of ${name} has no closing quote`);
      const next = text[close + 1];
      if (next === undefined && !final) return { kind: 'wait' };
      if (next !== undefined && !/[\s/>]/.test(next)) {
        at = close + 1;
        return bad(
          `behind the closing quote of ${name} stands ${JSON.stringify(next)}; a value with quotes belongs between the tags, or &quot; for a quote`,
        );
      }
      attributes.set(name, decodeAttribute(text.slice(at + 1, close)));
      at = close + 1;
    } else {
      let value = take(UNQUOTED);
      if (at >= text.length && !final) return { kind: 'wait' };
      if (value.endsWith('/') && text[at] === '>') {
        value = value.slice(0, -1);
        at--;
      }
      if (value === '') return bad(`the attribute ${name} has no value`);
      attributes.set(name, decodeAttribute(value));
      repairs.push(`put quotes around the value of ${name}`);
    }
  }
}

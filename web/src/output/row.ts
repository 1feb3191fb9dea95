import { bytesWord } from '../ui/words.ts';
import { legibleOn } from './palette.ts';
import { type Colour, type Look, styledLine } from './styled-text.ts';
import type { LineBytes } from './tail-ring.ts';

/** Characters of a line that are shown at first: a browser lays longer ones out slowly. */
const SHOWN_CHARS = 2000;

/** What a row shows. */
export interface RowContent {
  /** From 1. */
  readonly number: number;
  /** Undefined while it is being read. */
  readonly line: LineBytes | undefined;
  /** More of a long line, where it was asked for. */
  readonly longer: Uint8Array | undefined;
  readonly isHit: boolean;
  readonly isCurrent: boolean;
  readonly isSelected: boolean;
  /** What to mark in it. */
  readonly mark: RegExp | undefined;
}

/** One line on the page. It is written again only when it shows something else. */
export class Row {
  readonly element = document.createElement('div');
  readonly #number = document.createElement('button');
  readonly #text = document.createElement('span');
  #shown = '';

  constructor(number: number) {
    this.element.className = 'row';
    this.#number.className = 'number';
    this.#number.type = 'button';
    this.#number.tabIndex = -1;
    this.#number.textContent = String(number);
    this.#number.dataset['line'] = String(number);
    this.#number.setAttribute('aria-label', `Select line ${number}`);
    this.#text.className = 'text';
    this.element.append(this.#number, this.#text);
  }

  show({ number, line, longer, isHit, isCurrent, isSelected, mark }: RowContent): void {
    const { classList } = this.element;
    classList.toggle('hit', isHit);
    classList.toggle('current', isCurrent);
    classList.toggle('selected', isSelected);
    classList.toggle('pending', line === undefined);
    if (!line) return;
    const bytes = longer ?? line.bytes;
    const key = `${line.offset}:${line.end}:${bytes.length}:${line.length}:${mark?.source ?? ''}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const parts = lineNodes(bytes, longer ? Number.POSITIVE_INFINITY : SHOWN_CHARS, mark);
    const isCut = parts.isCut || line.length === undefined || bytes.length < line.length;
    this.#text.replaceChildren(...parts.nodes, ...(isCut ? [this.#more(number, line, longer !== undefined)] : []));
  }

  #more(number: number, { length }: LineBytes, isLonger: boolean): Node {
    const size = length === undefined ? 'a long line' : `a line of ${bytesWord(length)}`;
    if (isLonger) {
      const rest = document.createElement('span');
      rest.className = 'escaped';
      rest.textContent = ` … the rest of ${size} is in the download`;
      return rest;
    }
    const more = document.createElement('button');
    more.type = 'button';
    more.className = 'more';
    more.dataset['more'] = String(number);
    more.textContent = `… show more of ${size}`;
    return more;
  }
}

function lineNodes(bytes: Uint8Array, maxChars: number, mark: RegExp | undefined): { nodes: Node[]; isCut: boolean } {
  const nodes: Node[] = [];
  let left = maxChars;
  for (const run of styledLine(bytes)) {
    if (left <= 0) return { nodes, isCut: true };
    const text = run.text.length > left ? run.text.slice(0, left) : run.text;
    left -= run.text.length;
    nodes.push(...(mark ? marked(text, run.look, mark) : [node(text, run.look)]));
  }
  return { nodes, isCut: left < 0 };
}

function marked(text: string, look: Look, mark: RegExp): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(mark)) {
    if (found === '') continue;
    if (index > at) nodes.push(node(text.slice(at, index), look));
    const element = document.createElement('mark');
    element.textContent = found;
    nodes.push(element);
    at = index + found.length;
  }
  if (at < text.length) nodes.push(node(text.slice(at), look));
  return nodes;
}

const FLAGS = ['bold', 'dim', 'italic', 'underline', 'strike', 'escaped'] as const;

/** Text with its look. What a command wrote is never anything but text. */
function node(text: string, look: Look): Node {
  const flags = FLAGS.filter((flag) => look[flag]);
  const [fg, bg] = look.inverse ? [look.bg ?? 'var(--ground)', look.fg ?? 'var(--ink)'] : [look.fg, look.bg];
  if (flags.length === 0 && fg === undefined && bg === undefined) return document.createTextNode(text);
  const element = document.createElement('span');
  if (flags.length > 0) element.className = flags.join(' ');
  if (typeof bg === 'number' && typeof fg !== 'string') element.style.color = legibleOn(bg, fg);
  else if (fg !== undefined) element.style.color = css(fg);
  if (bg !== undefined) element.style.backgroundColor = css(bg);
  element.textContent = text;
  return element;
}

function css(colour: Colour): string {
  return typeof colour === 'number' ? `var(--ansi-${colour})` : colour;
}

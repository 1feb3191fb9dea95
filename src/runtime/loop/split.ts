import { isUtf8 } from 'node:buffer';
import type { ContextPiece } from '../../model/context-record.ts';

/** A range that a message quotes, as plugins name it. */
export interface Quoted {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** A piece that is not counted yet, and all that it shows. */
export type Split = Omit<ContextPiece, 'tokens'> & { readonly shown: string };

/** The bytes of a range as they will always be; undefined for an entry that may change. */
export type ReadQuoted = (range: Quoted) => Buffer | undefined;

const LF = 10;

/**
 * Takes a message's text apart into what it quotes: where the bytes of a range are found in the text, in order, they are
 * named and not kept again; everything else is kept as it is. So the pieces make the text again whatever a plugin did to
 * it (SPEC {#context_record}).
 */
export function split(text: string, quoted: readonly Quoted[], read: ReadQuoted): Split[] {
  const pieces: Split[] = [];
  /** Ranges that were not found as they are, since the last one that was. */
  let derived: Quoted[] = [];
  let at = 0;
  const keepUntil = (end: number) => {
    const shown = text.slice(at, end);
    at = end;
    if (derived.length === 0) {
      if (shown !== '') pieces.push({ form: 'literal', path: null, from: 0, to: 0, shown, text: shown });
      return;
    }
    for (const [index, { path, from, to }] of derived.entries()) {
      const own = index === 0 ? shown : '';
      pieces.push({ form: 'digest', path, from, to, shown: own, text: own });
    }
    derived = [];
  };
  for (const range of quoted) {
    // Nothing of it is shown, so it stands wherever the text has come to.
    const found = range.to <= range.from ? emptyAt(at, range, derived.length) : find(text, at, range, read);
    if (!found) {
      derived.push(range);
      continue;
    }
    const { start, end, to } = found;
    if (start > at || derived.length > 0) keepUntil(start);
    const { path, from } = range;
    pieces.push({ form: 'exact', path, from, to, shown: text.slice(start, end) });
    at = end;
  }
  if (at < text.length || derived.length > 0) keepUntil(text.length);
  return pieces;
}

function emptyAt(at: number, range: Quoted, derived: number): ReturnType<typeof find> {
  return derived > 0 ? undefined : { start: at, end: at, to: range.from };
}

/** Where the text has the bytes of a range; a line end at the end of the range may be missing in the text. */
function find(text: string, at: number, range: Quoted, read: ReadQuoted): { start: number; end: number; to: number } | undefined {
  // Characters are bytes at the least, so a longer range cannot be in the text.
  const bytes = range.to - range.from <= 4 * (text.length - at) + 1 ? read(range) : undefined;
  if (!bytes || bytes.length !== range.to - range.from || !isUtf8(bytes)) return undefined;
  const whole = bytes.toString('utf8');
  const start = text.indexOf(whole, at);
  if (start >= 0) return { start, end: start + whole.length, to: range.to };
  if (bytes.at(-1) !== LF || whole.length === 1) return undefined;
  const line = whole.slice(0, -1);
  const lineStart = text.indexOf(line, at);
  return lineStart < 0 ? undefined : { start: lineStart, end: lineStart + line.length, to: range.to - 1 };
}

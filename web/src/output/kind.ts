import { binaryKind } from '../../../src/core/binary-kind.ts';

/** Of a hundred bytes so many may be NUL, or no UTF-8, in what is shown as text. */
const BAD_PER_CENT = 10;
const lenient = new TextDecoder();

/** What output is that begins with these bytes and is no text; undefined for text, also where a few bytes of it are not text. */
export function kindOf(head: Uint8Array): string | undefined {
  const kind = binaryKind(head);
  if (kind !== 'binary') return kind;
  const bad = lenient.decode(head).split(/[\0\ufffd]/).length - 1;
  return bad * 100 > head.length * BAD_PER_CENT ? kind : undefined;
}

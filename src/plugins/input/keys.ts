/** Names of keys, and what a terminal sends for them (xterm, normal cursor keys). */
const SENT = {
  enter: '\r',
  tab: '\t',
  escape: '\u001b',
  backspace: '\u007f',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  home: '\u001b[H',
  end: '\u001b[F',
  'page-up': '\u001b[5~',
  'page-down': '\u001b[6~',
  delete: '\u001b[3~',
  'ctrl-c': '\u0003',
  'ctrl-d': '\u0004',
  'ctrl-z': '\u001a',
} as const;

export type Key = keyof typeof SENT;
export const KEYS = Object.keys(SENT) as [Key, ...Key[]];

/** What is asked to be typed. */
export interface Typing {
  readonly text?: string | undefined;
  readonly keys?: readonly Key[] | undefined;
  readonly eof?: boolean | undefined;
}

/** The bytes of a text and the keys after it. Where there is no terminal that would translate it, Enter is a line feed. */
export function bytesOf({ text = '', keys = [] }: Typing, terminal: boolean): Buffer {
  const pressed = keys.map((key) => (key === 'enter' && !terminal ? '\n' : SENT[key]));
  return Buffer.from(`${text}${pressed.join('')}`);
}

/** What would be typed, for the person who decides: quoted, every control character visible, all of it. */
export function shownText({ text, keys = [], eof }: Typing): string {
  const parts = [...(text ? [JSON.stringify(text)] : []), ...keys.map((key) => `<${key}>`), ...(eof ? ['<end of input>'] : [])];
  return parts.join(' ');
}

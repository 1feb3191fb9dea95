/** DEC private modes that a command may set and people would miss, and whether each is on in a fresh terminal. */
const FRESH: ReadonlyMap<number, boolean> = new Map([
  // Cursor keys, keypad, wrapping.
  [1, false],
  [66, false],
  [7, true],
  // Mouse and focus reports, bracketed paste.
  ...[9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 2004].map((mode) => [mode, false] as const),
  // The alternate screen, then the cursor of the screen that is left.
  ...[47, 1047, 1049].map((mode) => [mode, false] as const),
  [25, true],
]);

const ESC = 0x1b;
const MOST_PARAMS = 64;

/**
 * Watches what a command writes to our terminal and says what puts the terminal back when the command is left running:
 * only that which it has changed, so that nothing is sent that our terminal would not know.
 */
export class TerminalModes {
  readonly #now = new Map<number, boolean>();
  #state: 'text' | 'escape' | 'csi' | 'private' = 'text';
  #params = '';
  #written = false;

  /** Takes output in any cut. */
  watch(bytes: Uint8Array): void {
    this.#written ||= bytes.length > 0;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#state === 'text') {
        at = bytes.indexOf(ESC, at);
        if (at < 0) return;
        this.#state = 'escape';
      } else this.#step(bytes[at] ?? 0);
    }
  }

  /** What to write to the terminal. */
  restore(): string {
    const changed = [...FRESH].filter(([mode, fresh]) => (this.#now.get(mode) ?? fresh) !== fresh);
    const modes = changed.map(([mode, fresh]) => `\u001b[?${mode}${fresh ? 'h' : 'l'}`).join('');
    return this.#written ? `${modes}\u001b[m` : '';
  }

  #step(byte: number): void {
    const char = String.fromCharCode(byte);
    if (byte === ESC) this.#state = 'escape';
    else if (this.#state === 'escape') this.#escaped(char);
    else if (this.#state === 'csi' && char === '?') this.#state = 'private';
    else if (this.#state === 'private' && /[\d;]/.test(char) && this.#params.length < MOST_PARAMS) this.#params += char;
    else {
      if (this.#state === 'private' && (char === 'h' || char === 'l')) this.#set(char === 'h');
      this.#state = 'text';
    }
  }

  #escaped(char: string): void {
    this.#params = '';
    this.#state = char === '[' ? 'csi' : 'text';
    if (char === 'c') this.#now.clear();
    if (char === '=' || char === '>') this.#now.set(66, char === '=');
  }

  #set(on: boolean): void {
    for (const mode of this.#params.split(';').map(Number)) if (FRESH.has(mode)) this.#now.set(mode, on);
  }
}

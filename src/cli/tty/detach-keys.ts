import { InvalidArgumentError } from 'commander';

/** Keys that leave a session unless others are named: first Ctrl-], then d. */
export const DETACH_KEYS = 'ctrl-],d';

const MOST_KEYS = 16;

/** The bytes of `ctrl-],d`, keys with commas between as docker has them; none for `none`. */
export function parseDetachKeys(value: string): Buffer {
  if (value === 'none') return Buffer.alloc(0);
  const keys = value.split(',').map(keyByte);
  if (keys.length > MOST_KEYS || keys.some((key) => key === undefined))
    throw new InvalidArgumentError('It is keys with commas between, such as ctrl-],d or ctrl-p,ctrl-q; or none.');
  return Buffer.from(keys as number[]);
}

/** What people call these keys: `Ctrl-] d`. */
export function keyNames(keys: Buffer): string {
  return [...keys].map((key) => (key < 32 ? `Ctrl-${String.fromCharCode(key + 64)}` : String.fromCharCode(key))).join(' ');
}

/** Finds the keys in what is typed, also when they come one by one; what may be their beginning is held back until the next key. */
export class DetachMatcher {
  readonly #keys: Buffer;
  #held = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What goes to the command, and whether the keys have been pressed: then nothing behind them is passed on. */
  push(bytes: Buffer): { pass: Buffer; detach: boolean } {
    if (this.#keys.length === 0) return { pass: bytes, detach: false };
    const typed = Buffer.concat([this.#keys.subarray(0, this.#held), bytes]);
    this.#held = 0;
    const at = typed.indexOf(this.#keys);
    if (at >= 0) return { pass: typed.subarray(0, at), detach: true };
    for (let held = Math.min(this.#keys.length - 1, typed.length); held > 0; held--) {
      if (!typed.subarray(typed.length - held).equals(this.#keys.subarray(0, held))) continue;
      this.#held = held;
      break;
    }
    return { pass: typed.subarray(0, typed.length - this.#held), detach: false };
  }
}

function keyByte(name: string): number | undefined {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(name)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
  return /^[!-~]$/.test(name) ? name.charCodeAt(0) : undefined;
}

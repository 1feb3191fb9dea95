import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import type { PixelSize } from '../../model/place.ts';
import { FOREGROUND_SH } from '../shim/foreground-sh.ts';
import { RESIZE_SH } from '../shim/resize-sh.ts';
import { isTerminalSize, sizeWords } from '../shim/terminal.ts';
import { askCode } from './ask.ts';
import type { ShellHost } from './shell-host.ts';

/** Between two looks whether there is a terminal yet (milliseconds), and how many. */
const LOOK_MS = 50;
const LOOKS = 100;
/** The scripts' exit codes: no terminal yet, and none any more. */
const NOT_YET = 1;
const GONE = 2;

/** The terminal of a producer over there (SPEC {#terminals}). */
export class RemoteTerminal {
  readonly #host: ShellHost;
  readonly #folder: () => Promise<string>;
  readonly #turns = new InTurn();

  /** `folder`: the producer's folder over there, once it is known. */
  constructor(host: ShellHost, folder: () => Promise<string>) {
    this.#host = host;
    this.#folder = folder;
  }

  /** Sets the size, or keeps it until there is a terminal. Throws `invalid_params` for no size and `conflict` after the end. */
  resize(cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    if (!isTerminalSize(cols) || !isTerminalSize(rows)) {
      throw new HeadgateError('invalid_params', 'a terminal has 1 to 1000 columns and 1 to 1000 rows', { field: 'cols' });
    }
    return this.#turns.run(async () => {
      const code = await askCode(this.#host, RESIZE_SH, [await this.#folder(), ...sizeWords(cols, rows, pixels)]);
      if (code === 0) return;
      if (code === GONE) throw new HeadgateError('conflict', 'the command has ended, and its terminal with it');
      throw new HeadgateError('internal', `the terminal on ${this.#host.name} cannot be resized now (exit code ${code}); try again`);
    });
  }

  /** Signals what is in the foreground; `signal` without SIG. False when there is no such terminal any more. */
  async signal(signal: string): Promise<boolean> {
    for (let left = LOOKS; left > 0; left--) {
      const code = await askCode(this.#host, FOREGROUND_SH, [await this.#folder(), signal]);
      if (code !== NOT_YET) return code === 0;
      await delay(LOOK_MS);
    }
    return false;
  }
}

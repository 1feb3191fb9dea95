import { HeadgateError } from '../../../core/errors.ts';
import type { TtyCommand } from '../../protocol/tty.ts';

/** A resize or a signal. */
export type TtyOrder = Exclude<TtyCommand, { type: 'eof' }>;

/** Orders that may wait; each costs a look at the command's processes, so a flood of them would be everybody's. */
const MOST_WAITING = 256;

/** Resizes and signals of a session: one after the other, in order, with a bounded number waiting (SPEC {#tty_input}). */
export class TtyCommands {
  readonly #carryOut: (order: TtyOrder) => Promise<void>;
  #waiting: TtyOrder[] = [];
  #working = false;

  /** @param carryOut - never rejects */
  constructor(carryOut: (order: TtyOrder) => Promise<void>) {
    this.#carryOut = carryOut;
  }

  /** Takes one. Of resizes that wait in a row the last one counts. Throws `overloaded`. */
  push(order: TtyOrder): void {
    if (order.type === 'resize' && this.#waiting.at(-1)?.type === 'resize') this.#waiting.pop();
    if (this.#waiting.length >= MOST_WAITING) {
      throw new HeadgateError('overloaded', `${MOST_WAITING} signals and resizes wait already; send fewer at a time`, {
        limit: MOST_WAITING,
      });
    }
    this.#waiting.push(order);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#carryOut(next);
    this.#working = false;
  }
}

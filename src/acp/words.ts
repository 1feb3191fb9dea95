import { LiveWords } from '../rpc/client/index.ts';
import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import type { Outlet } from './outlet.ts';

type Piece = Omit<NotificationParamsOf<'run/text'>, 'run' | 'subscription'>;

/**
 * What the model says, once: live while it says it, and what was missed or begun again from the turn's stored text
 * (SPEC {#acp_text}).
 */
export class Words {
  readonly #outlet: Outlet;
  /** What has been sent of the turn that is being said. */
  readonly #live = new LiveWords();
  /** The answer was begun again, and what was sent cannot be taken back: the rest comes with the whole text. */
  #isBroken = false;
  /** Turns whose text was sent whole: of a replay nothing is said again. */
  readonly #whole = new Set<number>();
  /** The texts that were said in each turn: a result that repeats one of them is not said again. */
  readonly #texts = new Map<number, Set<string>>();

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** The next piece of a turn's text. */
  async piece(piece: Piece): Promise<void> {
    const { turn, offset, text } = piece;
    if (this.#whole.has(turn)) return;
    if (turn !== this.#live.turn) this.#begin(turn);
    if (offset === 0 && this.#live.text !== '') this.#isBroken = true;
    if (!this.#isBroken && this.#live.take(piece)) await this.#send(text, this.#id(turn));
  }

  /** The whole text of a turn: what has not been said of it is said. */
  async whole(turn: number, text: string): Promise<void> {
    if (this.#whole.has(turn)) return;
    if (turn !== this.#live.turn) this.#begin(turn);
    this.#whole.add(turn);
    this.#isNew(turn, text);
    const said = this.#live.text;
    if (text.startsWith(said)) await this.#send(text.slice(said.length), this.#id(turn));
    // What was said belonged to an answer that broke off; it cannot be taken back.
    else if (text.trim() !== said.trim()) await this.#send(`\n\n${text}`, `${this.#id(turn)}_again`);
  }

  /** Words of a turn that are an action's, such as an `update`, or its result. What the turn has said already is not said again. */
  async say(turn: number, text: string, id: string): Promise<void> {
    if (text.trim() !== '' && this.#isNew(turn, text)) await this.#send(text, id);
  }

  #isNew(turn: number, text: string): boolean {
    const texts = this.#texts.get(turn) ?? new Set();
    this.#texts.set(turn, texts);
    const isNew = !texts.has(text.trim());
    texts.add(text.trim());
    return isNew;
  }

  #begin(turn: number): void {
    this.#live.begin(turn);
    this.#isBroken = false;
  }

  #id(turn: number): string {
    return `turn_${turn}`;
  }

  async #send(text: string, messageId: string): Promise<void> {
    if (text !== '') await this.#outlet.send({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text }, messageId });
  }
}

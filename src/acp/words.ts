import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import type { Outlet } from './outlet.ts';

type Piece = Omit<NotificationParamsOf<'run/text'>, 'run' | 'subscription'>;

/**
 * What the model says, once: live while it says it, and what was missed or begun again from the turn's stored text
 * (SPEC {#acp_text}).
 */
export class Words {
  readonly #outlet: Outlet;
  /** The turn whose text is being sent, and what has been sent of it. */
  #turn = 0;
  #said = '';
  /** A piece was missed, or the answer begun again: the rest comes with the whole text. */
  #isBroken = false;
  /** Turns whose text was sent whole: of a replay nothing is said again. */
  readonly #whole = new Set<number>();
  /** The texts that were said in each turn: a result that repeats one of them is not said again. */
  readonly #texts = new Map<number, Set<string>>();

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** The next piece of a turn's text. */
  async piece({ turn, offset, text }: Piece): Promise<void> {
    if (this.#whole.has(turn)) return;
    if (turn !== this.#turn) this.#begin(turn);
    if (this.#isBroken || offset !== Buffer.byteLength(this.#said)) {
      this.#isBroken = true;
      return;
    }
    this.#said += text;
    await this.#send(text, this.#id(turn));
  }

  /** The whole text of a turn: what has not been said of it is said. */
  async whole(turn: number, text: string): Promise<void> {
    if (this.#whole.has(turn)) return;
    if (turn !== this.#turn) this.#begin(turn);
    this.#whole.add(turn);
    this.#isNew(turn, text);
    const said = this.#said;
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
    this.#turn = turn;
    this.#said = '';
    this.#isBroken = false;
  }

  #id(turn: number): string {
    return `turn_${turn}`;
  }

  async #send(text: string, messageId: string): Promise<void> {
    if (text !== '') await this.#outlet.send({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text }, messageId });
  }
}

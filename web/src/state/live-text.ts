import type { NotificationParamsOf } from '../../../src/rpc/protocol/table.ts';

const encoder = new TextEncoder();

/** What the model says in a turn, put together from its pieces (SPEC {#model_stream}). */
export class LiveText {
  #turn = 0;
  #text = '';
  #bytes = 0;

  /** The words so far of the turn that is being said; empty when a piece of it was missed and the whole has to be waited for. */
  get text(): string {
    return this.#text;
  }

  /** Takes the next piece; false when it does not follow what is there. */
  take({ turn, offset, text }: Pick<NotificationParamsOf<'run/text'>, 'turn' | 'offset' | 'text'>): boolean {
    if (offset === 0) this.clear();
    if (offset !== this.#bytes || (offset > 0 && turn !== this.#turn)) {
      this.clear();
      return false;
    }
    this.#turn = turn;
    this.#text += text;
    this.#bytes += encoder.encode(text).length;
    return true;
  }

  /** The whole text is there, or will not come. */
  clear(): void {
    this.#turn = 0;
    this.#text = '';
    this.#bytes = 0;
  }
}

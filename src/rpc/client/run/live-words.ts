import type { NotificationParamsOf } from '../../protocol/table.ts';

const encoder = new TextEncoder();

/** What the model has said so far in a turn, put together from the pieces of `run/text` (SPEC {#model_stream}). */
export class LiveWords {
  #turn = 0;
  #text = '';
  #bytes = 0;

  get turn(): number {
    return this.#turn;
  }

  /** The words up to the first piece that was missed; the rest comes with the whole text of the turn. */
  get text(): string {
    return this.#text;
  }

  /** Takes the next piece; returns false when it does not follow, and changes nothing then. A piece at offset 0 begins the turn again. */
  take({ turn, offset, text }: Pick<NotificationParamsOf<'run/text'>, 'turn' | 'offset' | 'text'>): boolean {
    if (offset === 0 || turn !== this.#turn) this.begin(turn);
    if (offset !== this.#bytes) return false;
    this.#text += text;
    this.#bytes += encoder.encode(text).length;
    return true;
  }

  /** Begins a turn without words. */
  begin(turn: number): void {
    this.#turn = turn;
    this.#text = '';
    this.#bytes = 0;
  }
}

import { LiveWords } from '../rpc/client/index.ts';
import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import type { ChannelText, Screen } from './screen.ts';

/**
 * Draws on a terminal what a model says while it says it (SPEC {#model_stream}, {#cli_act}). Elsewhere it draws nothing, and `drew`
 * returns false.
 */
export class DrawnWords {
  readonly #screen: Screen;
  readonly #words = new LiveWords();
  /** A piece of this turn was missed: the whole text has to be drawn. */
  #missed = false;
  #channel: ChannelText | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Draws the next piece. */
  async take(piece: NotificationParamsOf<'run/text'>): Promise<void> {
    if (!this.#screen.isTerminal) return;
    if (piece.turn !== this.#words.turn || piece.offset === 0) this.#begin(piece.turn);
    const before = this.#words.text.trimEnd();
    if (!this.#words.take(piece)) this.#missed = true;
    if (this.#missed) return;
    // Blanks before the first word would be an empty line; the ones behind the last are drawn with what follows them.
    const shown = this.#words.text.trimEnd().slice(before.length);
    this.#channel ??= this.#screen.channel('');
    await this.#channel.write(Buffer.from(before === '' ? shown.trimStart() : shown));
  }

  /** True when `whole` has been drawn already, to its last word. The next text begins a line of its own. */
  drew(whole: string): boolean {
    const said = this.#words.text.trim();
    const all = !this.#missed && said !== '' && said === whole.trim();
    this.#begin(0);
    return all;
  }

  #begin(turn: number): void {
    if (this.#words.text !== '') this.#screen.endLine();
    this.#words.begin(turn);
    this.#missed = false;
    this.#channel = undefined;
  }
}

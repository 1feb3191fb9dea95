import type { NotificationParamsOf } from '../rpc/protocol/table.ts';
import type { ChannelText, Screen } from './screen.ts';

type Piece = NotificationParamsOf<'run/text'>;

/**
 * Draws on a terminal what a model says while it says it (SPEC {#model_stream}, {#cli_act}). Elsewhere it draws nothing, and
 * whoever draws the whole text afterwards learns so.
 */
export class LiveWords {
  readonly #screen: Screen;
  readonly #isWanted: boolean;
  #turn = 0;
  #said = '';
  /** A piece of this turn was missed: the rest comes with the whole text. */
  #missed = false;
  #channel: ChannelText | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#isWanted = screen.isTerminal;
  }

  /** Draws the next piece. */
  async take({ turn, offset, text }: Piece): Promise<void> {
    if (!this.#isWanted) return;
    if (turn !== this.#turn || offset === 0) this.#begin(turn);
    if (this.#missed || offset !== Buffer.byteLength(this.#said)) {
      this.#missed = true;
      return;
    }
    // Blanks before the first word would be an empty line; the ones behind the last are drawn with what follows them.
    const shown = `${this.#said}${text}`.trimEnd().slice(this.#said.trimEnd().length);
    this.#said += text;
    this.#channel ??= this.#screen.channel('');
    const begins = this.#said.trim() === shown.trim();
    await this.#channel.write(Buffer.from(begins ? shown.trimStart() : shown));
  }

  /** True when `whole` has been drawn already, to its last word. The next text begins a line of its own. */
  drew(whole: string): boolean {
    const all = !this.#missed && this.#said.trim() !== '' && this.#said.trim() === whole.trim();
    if (this.#said !== '') this.#screen.endLine();
    this.#begin(0);
    return all;
  }

  #begin(turn: number): void {
    if (this.#said !== '') this.#screen.endLine();
    this.#turn = turn;
    this.#said = '';
    this.#missed = false;
    this.#channel = undefined;
  }
}

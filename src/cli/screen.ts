import { AnsiStripper } from './ansi-stripper.ts';
import type { ByteSink } from './byte-sink.ts';
import type { Console } from './console.ts';
import { visible } from './text.ts';

type Colors = Console['outColors'];

/**
 * The picture that `act`, `ask` and `attach` draw: whole lines of ours, and between them the output of commands as it
 * comes, marked at the beginning of each line with the channel it belongs to.
 */
export class Screen {
  readonly #sink: ByteSink;
  readonly #colors: Colors;
  readonly #isTerminal: boolean;
  /** The channel whose unfinished line the cursor stands in. */
  #open: ChannelText | undefined;
  #status = false;

  constructor(sink: ByteSink, colors: Colors) {
    this.#sink = sink;
    this.#colors = colors;
    this.#isTerminal = sink.stream.isTTY === true;
  }

  /** Whether a person looks on while it is drawn. */
  get isTerminal(): boolean {
    return this.#isTerminal;
  }

  get colors(): Colors {
    return this.#colors;
  }

  /** Prints lines of ours, after ending an unfinished one. */
  line(text: string): void {
    this.endLine();
    void this.#sink.write(`${text}\n`);
  }

  /** Shows a line that the next one replaces; nothing when this is no terminal. */
  status(text: string): void {
    if (!this.#isTerminal) return;
    this.endLine();
    void this.#sink.write(this.#colors.dim(text));
    this.#status = true;
  }

  /** Ends whatever line the cursor stands in, so that another writer may use the terminal. */
  endLine(): void {
    if (this.#status) void this.#sink.write('\r\u001b[K');
    this.#status = false;
    if (this.#open) {
      void this.#sink.write('\n');
      this.#open.interrupted();
    }
    this.#open = undefined;
  }

  /** A place for the bytes of one channel. `mark` stands before each of its lines. */
  channel(mark: string): ChannelText {
    return new ChannelText(mark, this.#isTerminal, (channel, text) => this.#channelText(channel, text));
  }

  #channelText(channel: ChannelText, text: string): Promise<void> {
    if (this.#open !== channel) this.endLine();
    this.#open = channel.midLine ? channel : undefined;
    return this.#sink.write(text);
  }
}

/** The output of one channel as lines for people: control sequences taken out, carriage returns acted out. */
export class ChannelText {
  readonly #mark: string;
  readonly #live: boolean;
  readonly #print: (channel: ChannelText, text: string) => Promise<void>;
  readonly #stripper = new AnsiStripper();
  readonly #decoder = new TextDecoder();
  /** Where only whole lines are printed: the line so far. */
  #held = '';
  /** A carriage return came, and it is not known yet what follows. */
  #returned = false;
  midLine = false;

  constructor(mark: string, live: boolean, print: (channel: ChannelText, text: string) => Promise<void>) {
    this.#mark = mark;
    this.#live = live;
    this.#print = print;
  }

  /** Another writer has ended our line; the rest of it begins a new one. */
  interrupted(): void {
    this.midLine = false;
  }

  /** Shows bytes. On a terminal at once, elsewhere line by line. */
  write(bytes: Buffer): Promise<void> {
    return this.#show(this.#decoder.decode(this.#stripper.strip(bytes), { stream: true }));
  }

  /** Shows what an unfinished line holds. */
  end(): Promise<void> {
    const rest = this.#decoder.decode();
    if (this.#live) return this.#show(rest);
    this.#held += rest;
    return this.#held === '' ? Promise.resolve() : this.#show('\n');
  }

  #show(text: string): Promise<void> {
    let shown = '';
    for (const part of text.split(/(\n|\r)/)) {
      if (part === '') continue;
      if (part === '\r') this.#returned = true;
      else if (part === '\n') shown += this.#newline();
      else shown += this.#text(part);
    }
    return shown === '' ? Promise.resolve() : this.#print(this, shown);
  }

  #newline(): string {
    this.#returned = false;
    const line = this.#live ? (this.midLine ? '' : this.#mark) : this.#mark + this.#held;
    this.#held = '';
    this.midLine = false;
    return `${line}\n`;
  }

  #text(part: string): string {
    // Backspaces, bells and the like would move the cursor out of the line; they are left out.
    const text = part.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
    if (!this.#live) {
      this.#held = this.#returned ? text : this.#held + text;
      this.#returned = false;
      return '';
    }
    const start = this.midLine ? (this.#returned ? `\r\u001b[K${this.#mark}` : '') : this.#mark;
    this.#returned = false;
    this.midLine = true;
    return start + text;
  }
}

/** A text of the model, or of a plugin, that may span lines: escaped, without blanks at its end. */
export function paragraph(text: string): string {
  return visible(text).trimEnd();
}

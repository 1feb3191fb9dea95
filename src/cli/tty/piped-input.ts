import type { CliError } from '../errors.ts';
import type { InputStream } from '../host.ts';
import { inputCutOff } from '../stdin.ts';
import type { TtyConnection } from './connection.ts';

/**
 * Standard input that is no terminal, on its way to the command (SPEC {#cli_tty}): nothing is left out of it. While there
 * is no connection it waits, and what was on its way when one was lost is counted, since it may or may not have arrived.
 */
export class PipedInput {
  readonly #input: InputStream;
  readonly #ends: 'always' | 'with-input' | 'never';
  #connection: TtyConnection | undefined;
  /** What came while there was no connection. */
  #held: Buffer[] = [];
  #sent = 0;
  #taken = 0;
  /** Bytes that the command got over earlier connections. */
  #before = 0;
  #ended = false;
  #closed = false;

  /** @param options - `ends`: whether the end of this input is the end of the command's; `with-input`: unless it was empty */
  constructor(options: { input: InputStream; connection: TtyConnection; ends: 'always' | 'with-input' | 'never' }) {
    this.#input = options.input;
    this.#ends = options.ends;
    this.#connection = options.connection;
  }

  push(bytes: Buffer): void {
    if (this.#connection) void this.#send(this.#connection, bytes);
    else this.#held.push(bytes);
  }

  end(): void {
    this.#ended = true;
    if (this.#connection) this.#finish(this.#connection);
  }

  /** The command has taken so many bytes of this connection. */
  taken(bytes: number): void {
    this.#taken = bytes;
  }

  /** The error when `uncertain` bytes, or a part of the rest, may or may not have arrived. */
  cutOff(attachLine: string, uncertain?: number): CliError {
    return inputCutOff(attachLine, this.#before + this.#taken, uncertain);
  }

  /** The connection is gone. Returns how many bytes may have come or not. */
  lost(): number {
    this.#connection = undefined;
    this.#input.pause();
    return this.#sent - this.#taken;
  }

  /** Goes on over another connection; everything that was sent before has come. */
  resume(connection: TtyConnection): void {
    this.#before += this.#taken;
    this.#sent = this.#taken = 0;
    this.#connection = connection;
    for (const bytes of this.#held.splice(0)) void this.#send(connection, bytes);
    if (this.#ended) this.#finish(connection);
    else this.#input.resume();
  }

  close(): void {
    this.#closed = true;
    this.#held = [];
  }

  async #send(connection: TtyConnection, bytes: Buffer): Promise<void> {
    this.#sent += bytes.length;
    this.#input.pause();
    await connection.input(bytes);
    if (this.#connection === connection && !this.#closed) this.#input.resume();
  }

  #finish(connection: TtyConnection): void {
    if (this.#ends === 'always' || (this.#ends === 'with-input' && this.#before + this.#sent > 0)) connection.control({ type: 'eof' });
  }
}

import type { OutputSink } from '../../src/model/ports/backend.ts';
import { Screen, type ScreenSize } from '../../src/screen/screen.mjs';
import { Changes } from './changes.ts';

/** A sink that is a terminal's screen, beside all its bytes. */
export class TerminalSink implements OutputSink {
  readonly screen: Screen;
  readonly #parts: Buffer[] = [];
  readonly #changes = new Changes();
  #bytes = 0;

  constructor(size: ScreenSize = { cols: 80, rows: 24 }) {
    this.screen = new Screen(size);
  }

  async write(channel: number, offset: number, bytes: Buffer): Promise<void> {
    if (channel !== 1 || offset !== this.#bytes) throw new Error(`channel ${channel} at ${offset} after ${this.#bytes}`);
    const copy = Buffer.from(bytes);
    this.#parts.push(copy);
    this.#bytes += copy.length;
    await this.screen.write(copy);
    this.#changes.tell();
  }

  offsets(): Map<number, number> {
    return new Map([[1, this.#bytes]]);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  text(): string {
    return this.bytes().toString();
  }

  /** Resolves once what was written matches. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#changes.until(
      () => pattern.exec(this.text()) ?? undefined,
      pattern,
      () => this.text(),
    );
  }

  /** Resolves once the screen shows it; returns its rows. */
  async shows(what: RegExp): Promise<string[]> {
    const rows = (): string => this.screen.visible().join('\n');
    return await this.#changes.until(() => (what.test(rows()) ? this.screen.visible() : undefined), what, rows);
  }
}

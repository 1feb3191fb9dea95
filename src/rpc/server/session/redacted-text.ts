import type { Said } from '../../../model/said.ts';
import { masked, type Redaction, Scanner } from '../../../redact/index.ts';

interface Turn {
  readonly scanner: Scanner;
  /** What has come and has not been told, from `told` on. */
  waiting: Buffer;
  told: number;
  last: Said;
  timer?: NodeJS.Timeout | undefined;
}

/**
 * What models say, as those hear it who may not see secrets: a secret comes in pieces, so what may be the beginning of one waits for
 * more (SPEC {#redaction_stream}).
 */
export class RedactedText {
  readonly #redaction: Redaction;
  readonly #tell: (said: Said) => void;
  readonly #turns = new Map<string, Turn>();

  /** @param tell - takes the masked pieces */
  constructor(redaction: Redaction, tell: (said: Said) => void) {
    this.#redaction = redaction;
    this.#tell = tell;
  }

  /** Takes the next piece of a turn. */
  say(said: Said): void {
    const key = `${said.projectId} ${said.turn} ${said.run}`;
    let turn = this.#turns.get(key);
    if (!turn || said.offset === 0) {
      clearTimeout(turn?.timer);
      const scanner = new Scanner(this.#redaction.matcher(), said.offset);
      turn = { scanner, waiting: Buffer.alloc(0), told: said.offset, last: said };
      this.#turns.set(key, turn);
    }
    this.#take(turn, said);
    if (said.ended) this.#turns.delete(key);
  }

  close(): void {
    for (const turn of this.#turns.values()) clearTimeout(turn.timer);
    this.#turns.clear();
  }

  #take(turn: Turn, said: Said): void {
    clearTimeout(turn.timer);
    turn.timer = undefined;
    turn.last = said;
    const bytes = Buffer.from(said.text);
    const { ranges, possible } = turn.scanner.push(bytes, said.ended === true);
    turn.waiting = Buffer.concat([turn.waiting, bytes]);
    const decided = masked(turn.waiting, ranges, turn.told);
    this.#hand(turn, decided, turn.scanner.decided);
    if (turn.waiting.length === 0) return;
    const from = turn.told;
    const held = masked(turn.waiting, [...ranges, ...possible], from);
    turn.timer = setTimeout(() => this.#hand(turn, held, from + held.length), this.#redaction.holdMs);
  }

  /** Tells the first of the masked bytes, up to an offset. */
  #hand(turn: Turn, bytes: Buffer, to: number): void {
    const length = Math.min(bytes.length, to - turn.told);
    if (length <= 0) return;
    this.#tell({ ...turn.last, offset: turn.told, text: bytes.toString('utf8', 0, length) });
    turn.told += length;
    turn.waiting = turn.waiting.subarray(length);
  }
}

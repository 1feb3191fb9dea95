import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Said } from '../model/said.ts';

/** The shortest time between two notifications of a turn's text. */
const COALESCE_MS = 50;

/** Takes what a model says in one turn. */
export interface TurnVoice {
  /** The answer begins, or begins again. */
  begin(): void;
  say(text: string): void;
  /** Sends the text that has not been sent; nothing is sent afterwards. */
  end(): void;
}

/**
 * Passes what models say to all listeners while the models say it (SPEC {#model_stream}). Nothing of it is stored: the turn's text is,
 * when it is whole, and a listener that missed a piece reads it there.
 */
export class LiveText {
  readonly #logger: Logger;
  readonly #listeners = new Set<(said: Said) => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Returns how to stop it. */
  on(listener: (said: Said) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A voice for one turn; pieces that come within 50 ms are sent as one. */
  turn(place: Omit<Said, 'offset' | 'text' | 'ended'>): TurnVoice {
    let offset = 0;
    let waiting = '';
    let timer: NodeJS.Timeout | undefined;
    const flush = (all: boolean) => {
      timer = undefined;
      // Half a surrogate pair waits for the other half.
      const last = waiting.charCodeAt(waiting.length - 1);
      const whole = !all && last >= 0xd800 && last < 0xdc00 ? waiting.length - 1 : waiting.length;
      const text = waiting.slice(0, whole);
      waiting = waiting.slice(whole);
      if (text === '' && !(all && offset > 0)) return;
      this.#tell({ ...place, offset, text, ...(all ? { ended: true } : {}) });
      offset += Buffer.byteLength(text);
    };
    const stop = () => {
      clearTimeout(timer);
      timer = undefined;
    };
    return {
      begin: () => {
        stop();
        waiting = '';
        offset = 0;
      },
      say: (text) => {
        waiting += text;
        timer ??= setTimeout(() => flush(false), COALESCE_MS);
      },
      end: () => {
        stop();
        flush(true);
      },
    };
  }

  #tell(said: Said): void {
    for (const listener of this.#listeners) {
      try {
        listener(said);
      } catch (error) {
        this.#logger.error({ run: said.run, error: messageOf(error) }, 'a listener to what models say failed');
      }
    }
  }
}

import { createHash } from 'node:crypto';
import { AskedThread } from '../../core/asked-thread.ts';
import type { Logger } from '../../core/logger.ts';
import { slices } from '../../core/slice-turns.ts';

/** Longer texts are estimated. */
const MAX_CHARS = 128 * 1024;
/** Bytes of one token in a text that is estimated: rather too few than too many. */
const BYTES_PER_TOKEN = 3;
/** Counts that are kept, by the hash of their text. */
const KEPT = 20_000;
/** Characters that are looked up before others get their turn. */
const LOOKED_UP_CHARS = 512 * 1024;
/** How long the thread may take for one packet: then it hangs (milliseconds). */
const SILENCE_MS = 60_000;
/** How long texts are estimated after the thread has ended, before it is started again (milliseconds). */
const RESTART_MS = 10_000;

/** Counts the tokens of texts; returns a number for each. */
export type CountTokens = (texts: readonly string[]) => Promise<number[]>;

/**
 * Counts in o200k, which is OpenAI's; for models of others it is an estimate (SPEC {#context_budget}). The table is loaded and the
 * counting done in a thread, which starts with the first text (SPEC {#no_pause}) and keeps the process alive only while it counts.
 * Counts are kept, because most of a packet was in the one before it. Without the thread texts are estimated.
 */
export class TokenCounter {
  readonly #restartMs: number;
  readonly #kept = new Map<string, number>();
  readonly #thread: AskedThread<readonly string[], readonly number[]>;

  /** @param restartMs - how long a thread that has ended is not started again (milliseconds) */
  constructor(restartMs = RESTART_MS) {
    this.#restartMs = restartMs;
    this.#thread = new AskedThread({
      module: new URL('./token-worker.mjs', import.meta.url),
      worker: { name: 'tokens' },
      silenceMs: SILENCE_MS,
      restartMs,
    });
  }

  /** Tokens of each text; never fails. `logger` gets a line when the counts are estimates because the thread has ended. */
  async count(texts: readonly string[], logger: Logger): Promise<number[]> {
    const keys: string[] = [];
    const unknown = new Map<string, string>();
    let chars = 0;
    for (const text of texts) {
      const key = text.length > MAX_CHARS ? '' : createHash('sha1').update(text, 'utf16le').digest('base64');
      keys.push(key);
      if (key !== '' && !this.#kept.has(key)) unknown.set(key, text);
      chars += text.length;
      if (chars <= LOOKED_UP_CHARS) continue;
      chars = 0;
      await slices.next();
    }
    const counted = new Map<string, number>();
    // What is kept may be forgotten while the thread counts the rest.
    for (const key of keys) counted.set(key, this.#kept.get(key) ?? 0);
    if (unknown.size > 0) {
      const tokens = await this.#thread.ask([...unknown.values()], ({ message }) =>
        logger.warn(
          { error: message, pauseMs: this.#restartMs },
          'the thread that counts tokens ended; they are estimated until it is started again',
        ),
      );
      if (this.#kept.size + unknown.size > KEPT) this.#kept.clear();
      for (const [index, [key, text]] of [...unknown].entries()) {
        counted.set(key, tokens?.[index] ?? estimate(text));
        if (tokens) this.#kept.set(key, tokens[index] as number);
      }
    }
    return texts.map((text, index) => (keys[index] === '' ? estimate(text) : (counted.get(keys[index] as string) as number)));
  }
}

/** One thread and one table for all servers of the process. */
const shared = new TokenCounter();

/** The counter of the process, which tells `logger` of its failures. */
export function tokenCounter(logger: Logger): CountTokens {
  return (texts) => shared.count(texts, logger);
}

function estimate(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

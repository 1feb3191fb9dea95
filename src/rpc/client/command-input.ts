import { base64 } from './bytes.ts';
import type { CallOptions } from './client.ts';
import { ConnectionClosed, RpcError } from './errors.ts';
import type { Runtime } from './runtime.ts';

/** Pause before input is sent again that the command did not take, milliseconds. */
const RETRY_MS = 100;

/** It cannot be known how much of the last chunk the command has got; `at` bytes arrived for certain. */
export class InputCutOff extends Error {
  readonly at: number;

  constructor(at: number, options?: ErrorOptions) {
    super(`the command has got ${at} bytes of its input, and what follows may have come or not`, options);
    this.name = 'InputCutOff';
    this.at = at;
  }
}

/**
 * The standard input of a command, written by position: a chunk whose answer was lost with the connection, the server or the runner is
 * sent again and taken once (SPEC {#input_offset}). Await each write before the next one.
 *
 * @example
 * ```ts
 * import { CommandInput, type Runtime } from 'headgate/client';
 *
 * export async function feed(runtime: Runtime, run: string, path: string, line: string): Promise<void> {
 *   const input = new CommandInput(runtime, { run, path });
 *   const bytes = new TextEncoder().encode(line);
 *   for (let at = 0; at < bytes.length; ) at += await input.write(bytes.subarray(at));
 *   await input.end();
 * }
 * ```
 */
export class CommandInput {
  readonly #runtime: Pick<Runtime, 'call'>;
  readonly #place: { readonly run: string; readonly path: string };
  #at: number | undefined;
  #taken = 0;

  /** `at`: where the input is; 0 for a command that was just started. */
  constructor(runtime: Pick<Runtime, 'call'>, place: { readonly run: string; readonly path: string }, at = 0) {
    this.#runtime = runtime;
    this.#place = place;
    this.#at = at;
  }

  /** Bytes that were written with this object and have arrived for certain. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Writes; returns how many bytes the command took, which may be 0. Waits while the server or the runner is away. Throws `InputCutOff`
   * where nobody can know what has arrived, RpcError with what the server returned, ConnectionClosed, and the reason of `signal`.
   */
  async write(bytes: Uint8Array, options: CallOptions = {}): Promise<number> {
    const chunk = { chunk: base64(bytes), encoding: 'base64' as const };
    let isUnsure = false;
    for (;;) {
      const offset = this.#at;
      try {
        const { bytes: taken } = await this.#runtime.call(
          'stream/input',
          { ...this.#place, ...chunk, ...(offset === undefined ? {} : { offset }) },
          options,
        );
        if (offset !== undefined) this.#at = offset + taken;
        this.#taken += taken;
        return taken;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (isUnanswered(error)) {
          if (this.#at === undefined || isUnknown(error)) throw new InputCutOff(this.#taken, { cause: error });
          isUnsure = true;
        }
        const place = error instanceof RpcError ? error.data['expected'] : undefined;
        if (error instanceof RpcError && error.kind === 'unsupported' && error.data['field'] === 'offset' && !isUnsure) {
          this.#at = undefined;
        } else if (typeof place === 'number') {
          // Another client has written as well: after ours, or perhaps instead of ours.
          if (isUnsure) throw new InputCutOff(this.#taken, { cause: error });
          this.#at = place;
        } else {
          await this.#pause(error, options.signal);
        }
      }
    }
  }

  /** Ends the input, also when the answer to that was lost. Throws as `write` does. */
  async end(options: CallOptions = {}): Promise<void> {
    for (;;) {
      try {
        await this.#runtime.call('stream/input', { ...this.#place, eof: true }, options);
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        await this.#pause(error, options.signal);
      }
    }
  }

  /** Waits before the next attempt. Throws the error if it does not pass by itself. */
  async #pause(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (error instanceof ConnectionClosed && !error.final) return;
    if (!(error instanceof RpcError)) throw error;
    const { retry_after_ms: after, runner } = error.data;
    const passes = error.kind === 'overloaded' || (error.kind === 'conflict' && (after ?? runner) !== undefined);
    if (!passes) throw error;
    await pause(typeof after === 'number' ? after : RETRY_MS, signal);
  }
}

/** True when what was asked may have been done. */
function isUnanswered(error: unknown): boolean {
  return (error instanceof ConnectionClosed && !error.final) || (error instanceof RpcError && error.data['unanswered'] === true);
}

/** True when no later answer can tell. */
function isUnknown(error: unknown): boolean {
  return error instanceof RpcError && error.data['position'] === 'unknown';
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ProducerDefinition, ProducerIo, ProducerResult } from '../../hooks/producer.ts';
import { InputCount } from '../../model/input-position.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, InputTaken, KillRequest } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt, type SignalSent } from '../../model/records.ts';
import type { Output } from './output.ts';

/** Bytes that wait for a producer which does not read; what is beyond is not taken. */
const MAX_BYTES = 64 * 1024;

/** What a body of a log entry, and an outcome, may have of what a plugin says (characters). */
const MAX_BODY_CHARS = 64 * 1024;
const OUTCOME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

export interface KindRunOptions {
  readonly plugin: string;
  readonly definition: ProducerDefinition;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Output;
  /** What `start` is handed beside signal, write and input. */
  readonly scope: Omit<ProducerIo, 'signal' | 'write' | 'input'>;
  /** Its start is stored: the plugin's code must not run before. */
  readonly begun: Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One producer of a plugin, as its runner handles it. There is no process: a kill aborts the signal that the plugin's code was
 * handed, and lets go of code that does not stop (SPEC {#plugin_producers}).
 */
export class KindRun implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: KindRunOptions;
  readonly #exit = deferred<ExitFact>();
  readonly #abort = new AbortController();
  readonly #input = new InputQueue();
  readonly #typed = new InputCount();
  #over = false;
  #killed: Promise<KillReceipt> | undefined;

  constructor(options: KindRunOptions) {
    this.#options = options;
    this.ref = { kind: options.definition.kind };
    void this.#run();
  }

  get exited(): Promise<ExitFact> {
    return this.#exit.promise;
  }

  /** Its writes are stored before its end is notified. */
  get closed(): Promise<ClosedFact> {
    return this.#exit.promise.then(() => ({ detached: [] }));
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return await this.#typed.write(bytes, offset, (rest) => this.#input.offer(rest));
  }

  async closeInput(): Promise<void> {
    this.#input.end();
  }

  async resize(): Promise<void> {
    throw this.#unsupported('has no terminal');
  }

  async signal(): Promise<void> {
    throw this.#unsupported('takes no signals; stream/cancel ends it');
  }

  kill(request: KillRequest): Promise<KillReceipt> {
    this.#killed ??= this.#kill(request);
    return this.#killed;
  }

  /** The server stops: whether it is lost or goes on is for the next one. */
  async detach(): Promise<void> {
    this.#abort.abort(new HeadgateError('cancelled', 'the server stops'));
    this.#options.output.close();
    this.#input.end();
    await this.#exit.promise;
  }

  async dispose(): Promise<void> {}

  async #run(): Promise<void> {
    const { definition, output, scope, input, begun, plugin, logger } = this.#options;
    await begun;
    const { signal } = this.#abort;
    const io: ProducerIo = { ...scope, signal, input: this.#input, write: (channel, data) => output.write(channel, data) };
    let fact: ExitFact;
    try {
      signal.throwIfAborted();
      fact = factOf(await definition.start(input, io));
    } catch (error) {
      const message = messageOf(signal.aborted ? signal.reason : error);
      fact = { exitCode: null, signal: null, own: { failed: true, outcome: 'failed', body: message } };
      if (!signal.aborted)
        logger.warn({ plugin, kind: definition.kind, path: scope.path, error: message }, 'a producer of a plugin failed');
    }
    await output.drained();
    this.#settle(fact);
  }

  async #kill(request: KillRequest): Promise<KillReceipt> {
    const { requestedBy, reason, graceMs } = request;
    const { clock, plugin, definition, scope, logger } = this.#options;
    const requestedAt = clock.now();
    const signals: SignalSent[] = [];
    if (!this.#over) {
      signals.push({ signal: 'abort', at: requestedAt, pids: [] });
      this.#abort.abort(new HeadgateError('cancelled', `ended by ${requestedBy}${reason === null ? '' : `: ${reason}`}`));
      this.#input.end();
      const late = new AbortController();
      await Promise.race([this.#exit.promise, delay(graceMs, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
    }
    if (!this.#over) {
      signals.push({ signal: 'abandon', at: clock.now(), pids: [] });
      logger.warn({ plugin, kind: definition.kind, path: scope.path, graceMs }, 'a producer of a plugin did not stop; it is let go of');
      const body = `the plugin "${plugin}" did not stop within ${graceMs} ms; what it still does is not followed`;
      this.#settle({ exitCode: null, signal: null, own: { failed: true, outcome: 'failed', body } });
    }
    return { ...emptyReceipt(request, requestedAt, clock.now()), signals };
  }

  #settle(fact: ExitFact): void {
    this.#over = true;
    this.#options.output.close();
    this.#input.end();
    this.#exit.resolve(fact);
  }

  #unsupported(what: string): HeadgateError {
    const { definition, plugin, scope } = this.#options;
    return new HeadgateError('unsupported', `${scope.path} is a "${definition.kind}" of plugin "${plugin}", which ${what}`, {
      path: scope.path,
    });
  }
}

/** What a plugin says of the end, checked: it may have been written without types. */
function factOf(result: ProducerResult | undefined): ExitFact {
  const { exitCode = 0, outcome, body } = result ?? {};
  if (!Number.isInteger(exitCode) || exitCode < 0 || exitCode > 255)
    throw new Error(`it returned exitCode ${String(exitCode)}; give a whole number from 0 to 255`);
  if (outcome !== undefined && !OUTCOME.test(String(outcome)))
    throw new Error('it returned an outcome that is not a word of letters, digits and _.:- (64 characters at most)');
  if (body !== undefined && typeof body !== 'string') throw new Error('it returned a body that is not a string');
  const text = body?.slice(0, MAX_BODY_CHARS);
  return { exitCode, signal: null, own: { failed: exitCode !== 0, outcome: outcome ?? null, body: text ?? null } };
}

/** What people type into a producer of a plugin, as it reads it. */
class InputQueue implements AsyncIterable<Buffer> {
  #waiting: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** Returns how many bytes were taken. */
  offer(bytes: Buffer): number {
    if (this.#ended) return 0;
    const taken = Math.min(bytes.length, MAX_BYTES - this.#bytes);
    if (taken > 0) this.#waiting.push(Buffer.from(bytes.subarray(0, taken)));
    this.#bytes += taken;
    this.#wake?.();
    return taken;
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next) {
        this.#bytes -= next.length;
        yield next;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}

import { bootId } from '../../../src/core/boot-id.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import type { LeftoverFact, ProducerEnd, ProducerFailure, RunnerLink } from '../../../src/model/ports/runner.ts';
import type { KillReceipt, Producer, ProducerSpec } from '../../../src/model/records.ts';
import { StoringSink } from '../../contract/backend-probe.ts';

type Call =
  | { what: 'started'; epoch: number; ref: Readonly<Record<string, unknown>> }
  | { what: 'completed'; epoch: number; end: ProducerEnd }
  | { what: 'failed'; epoch: number; failure: ProducerFailure }
  | { what: 'left'; epoch: number; fact: LeftoverFact }
  | { what: 'killed'; epoch: number; receipt: KillReceipt };

/** The server's end of a runner, in memory: stores output and notes what it is told, in order. */
export class RecordingLink implements RunnerLink {
  readonly calls: Call[] = [];
  readonly sink = new StoringSink();
  /** Thrown, one a call, by whatever is told next. */
  refusals: Error[] = [];
  /** Writers with a lower epoch are refused. */
  epoch = 1;
  #waiting: (() => void)[] = [];

  started(_entryId: number, epoch: number, ref: Readonly<Record<string, unknown>>): void {
    this.#note({ what: 'started', epoch, ref });
  }

  async append(_entryId: number, epoch: number, channel: number, offset: number, bytes: Buffer): Promise<void> {
    if (epoch < this.epoch) throw new HeadgateError('stale_epoch', 'an older lease');
    if (this.calls.length === 0) throw new Error('output before the start was told');
    await this.sink.write(channel, offset, bytes);
  }

  async completed(_entryId: number, epoch: number, end: ProducerEnd): Promise<void> {
    this.#note({ what: 'completed', epoch, end });
  }

  async failed(_entryId: number, epoch: number, failure: ProducerFailure): Promise<void> {
    this.#note({ what: 'failed', epoch, failure });
  }

  killed(_entryId: number, epoch: number, receipt: KillReceipt): void {
    this.#note({ what: 'killed', epoch, receipt });
  }

  left(_entryId: number, epoch: number, fact: LeftoverFact): void {
    this.#note({ what: 'left', epoch, fact });
  }

  /** Resolves with the first call of this kind, or the first that `which` is true of. */
  async told<W extends Call['what']>(what: W, which = (_call: Extract<Call, { what: W }>) => true): Promise<Extract<Call, { what: W }>> {
    for (;;) {
      const call = this.calls.find(
        (one): one is Extract<Call, { what: W }> => one.what === what && which(one as Extract<Call, { what: W }>),
      );
      if (call) return call;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Kinds of calls, in order. */
  get order(): string[] {
    return this.calls.map(({ what }) => what);
  }

  #note(call: Call): void {
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    this.calls.push(call);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Since the machine was started. */
const CREATED_AT = Date.now();

/** A producer record as the store would hold it. */
export function producer(spec: Partial<ProducerSpec> & { command: string; cwd: string }, change: Partial<Producer> = {}): Producer {
  return {
    entryId: 7,
    runId: 1,
    run: 'r',
    path: 'log://turn_1/sh/x',
    backend: 'process',
    runner: 'embedded',
    spec: { env: {}, stdin: false, ...spec },
    epoch: 1,
    state: 'queued',
    bootId: bootId(),
    ref: null,
    exitCode: null,
    signal: null,
    receipt: null,
    createdAt: CREATED_AT,
    startedAt: null,
    endedAt: null,
    lastOutputAt: null,
    ...change,
  };
}

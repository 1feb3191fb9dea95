import { type Deferred, deferred } from '../../../src/core/deferred.ts';
import type {
  Backend,
  BackendHandle,
  ClosedFact,
  ExitFact,
  InputTaken,
  KillRequest,
  OutputSink,
} from '../../../src/model/ports/backend.ts';
import type { KillReceipt } from '../../../src/model/records.ts';

/** A command whose main process ends while another of it holds the output, played by the test. */
export class HeldHandle implements BackendHandle {
  readonly ref = { pid: 1 };
  readonly #exit: Deferred<ExitFact> = deferred();
  readonly #close: Deferred<ClosedFact> = deferred();
  readonly #drain = deferred();
  readonly #disposed = deferred();
  readonly signals: string[] = [];
  readonly kills: KillRequest[] = [];
  pids: readonly number[] = [41];
  isDropping = false;
  isLetGo = false;

  get exited(): Promise<ExitFact> {
    return this.#exit.promise;
  }

  get closed(): Promise<ClosedFact> {
    return this.#close.promise;
  }

  get drained(): Promise<void> {
    return this.#drain.promise;
  }

  get disposed(): Promise<void> {
    return this.#disposed.promise;
  }

  /** The main process has ended; `detached` hold the output. */
  ended(exitCode = 0, detached = this.pids): void {
    this.#exit.resolve({ exitCode, signal: null, durationMs: 5 });
    this.#close.resolve({ detached });
  }

  /** The others have ended as well. */
  drainedNow(): void {
    this.pids = [];
    this.#drain.resolve();
  }

  dropOutput(): void {
    this.isDropping = true;
  }

  async processes(): Promise<readonly number[]> {
    return this.pids;
  }

  async write(): Promise<InputTaken> {
    return { bytes: 0 };
  }

  async closeInput(): Promise<void> {}

  async resize(): Promise<void> {}

  async signal(signal: string): Promise<void> {
    this.signals.push(signal);
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    this.kills.push(request);
    const { requestedBy, reason, signal } = request;
    const receipt = { requestedBy, reason, requestedAt: 1, signals: [{ signal, at: 1, pids: this.pids }], confirmedDead: this.pids };
    this.drainedNow();
    return { ...receipt, escaped: [], finishedAt: 2 };
  }

  async detach(): Promise<void> {
    this.isLetGo = true;
  }

  async dispose(): Promise<void> {
    this.#disposed.resolve();
  }
}

/** A place with one such command; `sink` takes its output. */
export class HeldBackend implements Backend {
  readonly handle = new HeldHandle();
  sink: OutputSink = { write: async () => {} };
  readonly offsets: ReadonlyMap<number, number>[] = [];

  capabilities(): ReturnType<Backend['capabilities']> {
    throw new Error('nobody asks');
  }

  async start(_request: unknown, sink: OutputSink): Promise<BackendHandle> {
    this.sink = sink;
    return this.handle;
  }

  async adopt(_request: unknown, _ref: unknown, offsets: ReadonlyMap<number, number>, sink: OutputSink): Promise<BackendHandle> {
    this.sink = sink;
    this.offsets.push(offsets);
    return this.handle;
  }

  write(offset: number, text: string, channel = 1): Promise<void> {
    return this.sink.write(channel, offset, Buffer.from(text));
  }
}

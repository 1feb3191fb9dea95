import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../../core/deferred.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { scriptFailed } from './ask.ts';
import { FOLLOW_TEXT } from './follow-text.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import { makeNonce } from './record-splitter.ts';
import { RemoteOutput, WINDOW_BYTES } from './remote-output.ts';
import { isGone, LinkLost, type ShellHost, type ShellRun } from './shell-host.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Pauses before the link is tried again, milliseconds: the first, and the longest. */
const RETRY_MS = 100;
const RETRY_MAX_MS = 10_000;

/** What the host says of a producer when it begins to be followed. */
export interface FollowFact {
  /** As ProducerFolder's claim. */
  readonly state: 'absent' | 'incomplete' | 'barred' | 'claimed';
  readonly pid: number | undefined;
  /** True when the command's group was stopped, by the brake of a server before this one perhaps. */
  readonly stopped: boolean;
  /** The producer's folder there. */
  readonly folder: string;
}

export interface FollowerEvents {
  followed(fact: FollowFact): void;
  /** The main process has ended; undefined where the exit code is not known. */
  ended(exitCode: number | undefined, durationMs: number | undefined): void;
  /** Every byte is stored. `held`: pids that still hold the output. */
  closed(held: readonly number[]): void;
  /** The host refuses the command, in a word of the script and what belongs to it. */
  failed(words: readonly string[]): void;
  /** The host cannot be reached at first, or has no usable shell. */
  unreachable(error: unknown): void;
  /** Something was stored, or the host has sent something. */
  progress(): void;
}

export interface FollowerOptions {
  readonly host: ShellHost;
  readonly place: RemotePlace;
  /** Lines for the script that starts it; undefined to follow what has been started. */
  readonly launch: { readonly lines: string; readonly shim: string; readonly cwd: string } | undefined;
  /** A shim of which nothing is known gets a while to claim. */
  readonly adopt: boolean;
  readonly stdin: boolean;
  readonly request: Pick<StartRequest, 'again' | 'cancelled'>;
  readonly offsets: ReadonlyMap<number, number>;
  readonly detachedGraceMs: number;
  readonly sink: OutputSink;
  readonly logger: Logger;
  readonly events: FollowerEvents;
}

/**
 * Follows a producer over there through as many runs as it takes (SPEC {#shell_hosts}): a lost link is tried again, with
 * pauses, for as long as it takes, from the offsets up to which output was handed over.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #outputs: readonly RemoteOutput[];
  #run: ShellRun | undefined;
  #mode: 'start' | 'adopt' | 'follow';
  #limits: readonly number[] | undefined;
  #bases: readonly number[] = [0, 0];
  #held: readonly number[] = [];
  #endTold = false;
  #stopped = false;
  readonly #stopping = new AbortController();
  /** Resolved when the present run is of no more use. */
  #turn = deferred();
  #failures = 0;
  /** Once the host was told to start it: from then on it may run, whatever is heard of it. */
  #mayRun: boolean;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#mode = options.launch ? 'start' : options.adopt ? 'adopt' : 'follow';
    this.#mayRun = options.request.again === true;
    this.#outputs = [1, 2].map((channel) => {
      const events = {
        progress: () => this.#progress(),
        full: () => this.#options.events.progress(),
        record: (words: readonly string[]) => this.#record(words),
        seek: () => this.#turn.resolve(),
        hasRoom: () => this.#unstored() < WINDOW_BYTES,
      };
      return new RemoteOutput(channel, options.offsets.get(channel) ?? 0, options.sink, events, options.logger);
    });
    void this.#follow();
  }

  /** Bytes of each channel that have been stored. */
  stored(): readonly number[] {
    return this.#outputs.map(({ stored }) => stored);
  }

  /** Bytes that have been received, over both channels. */
  get received(): number {
    return this.#outputs.reduce((sum, { position }) => sum + position, 0);
  }

  /** Channel offsets at which the files over there begin. */
  get bases(): readonly number[] {
    return this.#bases;
  }

  /** True while the sink has no room, or does not take what it is handed. */
  get stalled(): boolean {
    return !this.#stopped && (this.#unstored() >= WINDOW_BYTES || this.#outputs.some(({ rejected }) => rejected));
  }

  /** The words of an `exit`: the main process has ended. */
  exit([code = '-', took = '-']: readonly string[]): void {
    this.#tellEnd(code === '-' ? undefined : Number(code), took === '-' ? undefined : Number(took) * 10);
  }

  /** Lets go of it; the command goes on. */
  stop(): void {
    this.#stopped = true;
    this.#stopping.abort();
    for (const output of this.#outputs) output.stop();
    this.#run?.close();
    this.#turn.resolve();
  }

  async #follow(): Promise<void> {
    const { host, logger, events } = this.#options;
    while (!this.#stopped) {
      try {
        await this.#once();
      } catch (error) {
        if (this.#stopped) return;
        if (isGone(error)) return this.#lose(error);
        // Nothing has run over there yet, so whoever asked for it is told.
        const isCancelled = this.#options.request.cancelled?.aborted === true;
        if (this.#mode === 'start' && !this.#mayRun && (isCancelled || (this.#failures === 0 && !(error instanceof LinkLost)))) {
          return events.unreachable(error);
        }
        const pauseMs = Math.min(RETRY_MS * 2 ** Math.min(this.#failures++, 10), RETRY_MAX_MS);
        const facts = { host: host.name, producer: this.#options.place.producerId, pauseMs, error: messageOf(error) };
        logger.warn(facts, 'the link to a command is lost; the command goes on, and its output is read on once the link is back');
        await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }

  /** One run. Rejects when it ended before all was told. */
  async #once(): Promise<void> {
    const { host, place, launch, stdin, detachedGraceMs, request } = this.#options;
    const { cancelled } = request;
    const nonce = makeNonce();
    const positions = this.#outputs.map(({ position }) => `${position}`);
    if (this.#mode === 'start' && this.#mayRun && cancelled?.aborted) this.#mode = 'adopt';
    const started = this.#mode === 'start' ? launch : undefined;
    this.#turn = deferred();
    const turn = this.#turn;
    const opening = host.run(FOLLOW_TEXT, [
      nonce,
      this.#mode,
      ...placeArgs(place),
      stdin ? '1' : '0',
      ...positions,
      // Once the end is known nobody is waited for again.
      `${this.#limits ? 0 : Math.round(detachedGraceMs / 10)}`,
      started?.shim ?? '',
      started?.cwd ?? '',
    ]);
    const run = await unlessAborted(opening, started && !this.#mayRun ? cancelled : undefined);
    if (this.#stopped) return run.close();
    this.#run = run;
    this.#limits = undefined;
    run.stdin.on('error', () => {});
    if (started) {
      this.#mayRun = true;
      run.stdin.write(started.lines);
    }
    const ends = [run.stdout, run.stderr].map((stream) => new Promise<void>((resolve) => stream.once('end', () => resolve())));
    this.#outputs.forEach((output, index) => output.attach(index === 0 ? run.stdout : run.stderr, nonce));
    let failure: unknown;
    void Promise.all([run.ended, ...ends]).then(
      ([code]) => {
        if (!this.#limits) failure = scriptFailed(host, code, '');
        this.#drained(turn);
      },
      (error: unknown) => {
        failure = error;
        this.#drained(turn);
      },
    );
    await turn.promise;
    this.#outputs.forEach((output) => output.detach());
    run.close();
    if (this.#run === run) this.#run = undefined;
    if (failure !== undefined && !this.#stopped) throw failure instanceof Error ? failure : new LinkLost(host.name, failure);
  }

  /** The run has ended, and nothing more comes of it but what it has sent already. */
  #drained(turn: { resolve: (value: void) => void }): void {
    if (!this.#isComplete()) turn.resolve();
  }

  /** True when everything up to the known end has been received. */
  #isComplete(): boolean {
    const limits = this.#limits;
    return limits !== undefined && this.#outputs.every(({ position, refused }, index) => refused || position >= (limits[index] ?? 0));
  }

  #record([word = '', ...rest]: readonly string[]): void {
    const { events } = this.#options;
    this.#failures = 0;
    switch (word) {
      case 'begin':
        return;
      case 'follow': {
        const [state = '', pid = '', , , , base1, base2, stopped, ...folder] = rest;
        this.#bases = [Number(base1), Number(base2)];
        this.#mode = 'follow';
        events.followed({
          state: state as FollowFact['state'],
          pid: state === 'claimed' ? Number(pid) : undefined,
          stopped: stopped === '1',
          folder: folder.join(' '),
        });
        return;
      }
      case 'exit':
        this.exit(rest);
        return;
      case 'held':
        this.#held = rest.map(Number);
        return;
      case 'end':
        this.#limits = rest.map((size, index) => (this.#bases[index] ?? 0) + Number(size));
        this.#progress();
        return;
      case 'fail':
        this.stop();
        events.failed(rest);
        return;
    }
  }

  #progress(): void {
    if (this.#stopped) return;
    for (const output of this.#outputs) output.pump();
    if (this.#isComplete() && this.#outputs.every(({ isThrough }) => isThrough)) {
      this.stop();
      this.#options.events.closed(this.#held);
      return;
    }
    this.#options.events.progress();
  }

  #lose(error: unknown): void {
    this.#options.logger.error({ host: this.#options.host.name, error: messageOf(error) }, 'a command is lost with the place it ran in');
    this.stop();
    this.#tellEnd(undefined, undefined);
    this.#options.events.closed([]);
  }

  #tellEnd(exitCode: number | undefined, durationMs: number | undefined): void {
    if (this.#endTold) return;
    this.#endTold = true;
    this.#options.events.ended(exitCode, durationMs);
  }

  #unstored(): number {
    return this.#outputs.reduce((sum, { unstored }) => sum + unstored, 0);
  }
}

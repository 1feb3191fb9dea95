import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ClosedFact, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { cutBy } from '../shim/copied.ts';
import type { EndMark } from '../shim/end-mark.ts';
import { scriptFailed } from './ask.ts';
import { FOLLOW_SH } from './follow-sh.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import { makeNonce } from './record-splitter.ts';
import { RemoteOutput, WINDOW_BYTES } from './remote-output.ts';
import { isGone, LinkLost, type ShellHost, type ShellRun } from './shell-host.ts';

/** Pauses before the link is tried again, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 100, longestMs: 10_000 };
/** How long a response is waited for that is queued behind output. */
const SIZE_MS = 250;

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
  /** Every byte that there was is stored. While processes that it names hold the output, what they write is delivered as well. */
  closed(fact: ClosedFact): void;
  /** No process holds the output any more, and all of it is stored. */
  drained(): void;
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
  /** A shim that was not heard of yet gets a while to claim. */
  readonly adopt: boolean;
  readonly stdin: boolean;
  readonly request: Pick<StartRequest, 'again' | 'cancelled'>;
  readonly offsets: ReadonlyMap<number, number>;
  readonly detachedGraceMs: number;
  /** Stands in channel 1 where it ends. */
  readonly endMark?: EndMark | undefined;
  readonly sink: OutputSink;
  readonly clock: Clock;
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
  /** Who holds the output after the end, and how much there was then. */
  #held: { readonly limits: readonly number[]; readonly pids: readonly number[] } | undefined;
  #closedTold = false;
  #cut: Pick<ClosedFact, 'cut'> = {};
  #endTold = false;
  #stopped = false;
  readonly #stopping = new AbortController();
  /** Resolved when the present run has to be replaced. */
  #turn = deferred();
  readonly #pauses = new Backoff(RETRY);
  /** True once the host was told to start it: from then on it may run, even if no confirmation arrives. */
  #mayRun: boolean;
  #complete = false;
  #asked = deferred<readonly number[] | undefined>();
  /** A run without a reply. */
  #mute: ShellRun | undefined;
  /** Since when (milliseconds since 1970) there is no link, and why. */
  #lost: { readonly since: number; readonly why: string } | undefined;

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
      return new RemoteOutput(
        channel,
        options.offsets.get(channel) ?? 0,
        options.sink,
        events,
        options.logger,
        channel === 1 ? options.endMark : undefined,
      );
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

  /** True when everything was read to the end that the host told; not when the place is gone. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Why there is no link; undefined while there is one. */
  get waitsFor(): string | undefined {
    if (!this.#lost || this.#stopped) return undefined;
    const { since, why } = this.#lost;
    const at = new Date(since).toISOString().replace(/\.\d+/, '');
    return `${this.#options.host.name}, which is tried again since ${at}: ${why}`;
  }

  /** Asks the present run how many bytes the files over there hold; undefined when it does not say. */
  async sizes(): Promise<readonly number[] | undefined> {
    const run = this.#run;
    if (!run || run === this.#mute) return undefined;
    const asked = deferred<readonly number[] | undefined>();
    this.#asked = asked;
    run.stdin.write('\n');
    const timer = setTimeout(() => {
      this.#mute = run;
      asked.resolve(undefined);
    }, SIZE_MS);
    try {
      return await asked.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The words of an `exit`: the main process has ended. */
  exit([code = '-', took = '-']: readonly string[]): void {
    this.#tellEnd(code === '-' ? undefined : Number(code), took === '-' ? undefined : Number(took) * 10);
  }

  /** Stops following; the command goes on. */
  stop(): void {
    this.#stopped = true;
    this.#asked.resolve(undefined);
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
        // Nothing has run over there yet, so its caller gets the error.
        const isCancelled = this.#options.request.cancelled?.aborted === true;
        if (this.#mode === 'start' && !this.#mayRun && (isCancelled || (this.#pauses.count === 0 && !(error instanceof LinkLost)))) {
          return events.unreachable(error);
        }
        const pauseMs = this.#pauses.next();
        this.#lost = { since: this.#lost?.since ?? this.#options.clock.now(), why: messageOf(error) };
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
    const args = (mode: string): string[] => [
      nonce,
      mode,
      ...placeArgs(place),
      stdin ? '1' : '0',
      ...positions,
      // Once the end is known nothing is waited for again.
      `${this.#limits ? 0 : Math.round(detachedGraceMs / 10)}`,
      started?.shim ?? '',
      started?.cwd ?? '',
      host.keepsZombies ? '1' : '',
    ];
    const opening = host.run(FOLLOW_SH, args(this.#mode));
    const run = await unlessAborted(opening, started && !this.#mayRun ? cancelled : undefined);
    if (this.#stopped) return run.close();
    this.#run = run;
    this.#limits = undefined;
    run.stdin.on('error', () => {});
    if (started) {
      this.#mayRun = true;
      run.stdin.write(started.lines);
      if (host.keepsZombies) this.#launchApart(args('launch'), started.lines, turn.promise);
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

  /** Starts the shim as a run of its own; it needs nothing of us once it has read what to do. `until`: aborted once the caller does not wait any more. */
  #launchApart(args: readonly string[], lines: string, until: Promise<void>): void {
    const { host, place, logger } = this.#options;
    host.run(FOLLOW_SH, args).then(
      (run) => {
        run.stdin.on('error', () => {});
        run.stdout.resume();
        run.stderr.resume();
        run.stdin.write(lines);
        void until.then(() => run.close());
      },
      (error: unknown) => {
        logger.warn({ host: host.name, producer: place.producerId, error: messageOf(error) }, 'a shim cannot be started there');
      },
    );
  }

  /** The run has ended, and nothing more comes of it but what it has sent already. */
  #drained(turn: { resolve: (value: void) => void }): void {
    if (!this.#isComplete()) turn.resolve();
  }

  /** True when everything up to the known end has been received. */
  #isComplete(): boolean {
    const limits = this.#limits;
    return (
      limits !== undefined &&
      this.#outputs.every(({ position, refused, isMarked }, index) => refused || isMarked || position >= (limits[index] ?? 0))
    );
  }

  #record([word = '', ...rest]: readonly string[]): void {
    const { events } = this.#options;
    this.#pauses.reset();
    this.#lost = undefined;
    switch (word) {
      case 'begin':
      case 'here':
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
        this.#held = { limits: this.#limitsOf(rest.slice(0, 2)), pids: rest.slice(2).map(Number) };
        this.#progress();
        return;
      case 'copied':
        this.#cut = cutBy(rest.map(Number));
        return;
      case 'size':
        this.#asked.resolve(rest.map(Number));
        return;
      case 'end':
        this.#limits = this.#limitsOf(rest);
        for (const output of this.#outputs) output.flush();
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
      this.#complete = true;
      this.stop();
      this.#tellClosed(this.#held?.pids ?? []);
      this.#options.events.drained();
      return;
    }
    const held = this.#held;
    if (held && this.#outputs.every(({ stored, refused }, index) => refused || stored >= (held.limits[index] ?? 0)))
      this.#tellClosed(held.pids);
    this.#options.events.progress();
  }

  #lose(error: unknown): void {
    this.#options.logger.error({ host: this.#options.host.name, error: messageOf(error) }, 'a command is lost with the place it ran in');
    this.stop();
    this.#tellEnd(undefined, undefined);
    this.#tellClosed([]);
    this.#options.events.drained();
  }

  #tellEnd(exitCode: number | undefined, durationMs: number | undefined): void {
    if (this.#endTold) return;
    this.#endTold = true;
    this.#options.events.ended(exitCode, durationMs);
  }

  #tellClosed(held: readonly number[]): void {
    if (this.#closedTold) return;
    this.#closedTold = true;
    this.#options.events.closed({ detached: held, ...this.#cut });
  }

  /** Channel offsets of sizes over there. */
  #limitsOf(sizes: readonly string[]): number[] {
    return sizes.map((size, index) => (this.#bases[index] ?? 0) + Number(size));
  }

  #unstored(): number {
    return this.#outputs.reduce((sum, { unstored }) => sum + unstored, 0);
  }
}

/**
 * Resolves with a run once it is open. Rejects with `conflict`, outcome `cancelled`, when `signal` is aborted before, and closes the
 * run when it opens after that.
 */
async function unlessAborted(opening: Promise<ShellRun>, signal: AbortSignal | undefined): Promise<ShellRun> {
  if (!signal) return await opening;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new HeadgateError('conflict', 'the command was cancelled before it was started', { outcome: 'cancelled' }));
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([aborted, opening]);
  } catch (error) {
    opening.then(
      (run) => run.close(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

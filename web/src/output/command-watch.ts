import { endWord, type Runtime } from '../../../src/rpc/client/index.ts';
import type { NotificationName, ResultOf } from '../../../src/rpc/protocol/table.ts';
import { durationWord } from '../ui/words.ts';

/** What is known of a command that was accepted: a row of `stream/list`. */
export type Command = ResultOf<'stream/list'>[number];

/** What a command waits for input with. */
export interface Waiting {
  readonly prompt: string;
}

/** Notifications after which a command is looked at again. */
const CHANGES = ['stream/started', 'stream/resumed', 'stream/ended', 'stream/cancelled'] as const satisfies readonly NotificationName[];

/** How often a kill that is under way is looked at, milliseconds: only the receipt shows its end. */
const KILL_LOOK_MS = 250;

/** Keeps what is known of one command up to date, until it is closed. */
export class CommandWatch {
  readonly #runtime: Runtime;
  readonly #run: string;
  readonly #path: string;
  readonly #changed: () => void;
  readonly #undo: (() => void)[] = [];
  #command: Command | undefined;
  #waiting: Waiting | undefined;
  #isLooking = false;
  #again = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(runtime: Runtime, run: string, path: string, changed: () => void) {
    this.#runtime = runtime;
    this.#run = run;
    this.#path = path;
    this.#changed = changed;
    const isOurs = (params: { run: string; path: string }) => params.run === run && params.path === path;
    for (const name of CHANGES) this.#undo.push(runtime.on(name, (params) => isOurs(params) && this.#look()));
    this.#undo.push(
      runtime.on('stream/waiting', (params) => {
        if (!isOurs(params)) return;
        this.#waiting = { prompt: params.prompt ?? '' };
        changed();
      }),
      runtime.onConnection(({ open }) => open && this.#look()),
    );
    this.#look();
  }

  /** Undefined while it has not been accepted, or is not known yet. */
  get command(): Command | undefined {
    return this.#command;
  }

  /** Set while it waits for input. */
  get waiting(): Waiting | undefined {
    return this.#waiting;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const undo of this.#undo) undo();
  }

  #look(): void {
    if (this.#isLooking) {
      this.#again = true;
      return;
    }
    this.#isLooking = true;
    this.#again = false;
    this.#refresh()
      .catch(() => {})
      .finally(() => {
        this.#isLooking = false;
        if (this.#again && !this.#closed) this.#look();
      });
  }

  async #refresh(): Promise<void> {
    const [command] = await this.#runtime.look('stream/list', { run: this.#run, path: this.#path });
    if (this.#closed) return;
    this.#command = command;
    clearTimeout(this.#timer);
    if (this.#command?.state === 'cancelling') this.#timer = setTimeout(() => this.#look(), KILL_LOOK_MS);
    if (!this.#command?.waiting) this.#waiting = undefined;
    else this.#waiting ??= { prompt: await this.#prompt() };
    this.#changed();
  }

  /** What the log entry says that it waits with; it was told before anybody looked. */
  async #prompt(): Promise<string> {
    const [entry] = await this.#runtime.look('getEntries', { run: this.#run, pattern: this.#path });
    const waiting = entry?.attributes['waiting'];
    const prompt = typeof waiting === 'object' && waiting !== null && 'prompt' in waiting ? waiting.prompt : '';
    return typeof prompt === 'string' ? prompt : '';
  }
}

/** How a command stands, for people. */
export interface CommandState {
  readonly kind: 'running' | 'good' | 'bad' | 'still';
  readonly text: string;
  /** It has not ended. */
  readonly isLive: boolean;
}

/** What to say of a command; `now` is what its running time is told by. */
export function stateOf(command: Command, now: number): CommandState {
  const { state, startedAt } = command;
  switch (state) {
    case 'queued':
      return { kind: 'still', text: command.waitsFor === null ? 'queued' : `waits for ${command.waitsFor}`, isLive: true };
    case 'running':
      return { kind: 'running', text: startedAt === null ? 'running' : `running for ${durationWord(now - startedAt)}`, isLive: true };
    case 'cancelling':
      return { kind: 'still', text: state, isLive: false };
    default: {
      const { status } = command;
      return { kind: status === 200 ? 'good' : status === 499 ? 'still' : 'bad', text: endWord(command), isLive: false };
    }
  }
}

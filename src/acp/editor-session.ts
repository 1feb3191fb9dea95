import type { SessionUpdate, StopReason } from '@agentclientprotocol/sdk';
import { deferred } from '../core/deferred.ts';
import { defined } from '../core/defined.ts';
import { isEnd } from '../core/end-status.ts';
import { type Entry, entriesOf, type Question, RunName, type RuntimeEvent, turnOfPath } from '../rpc/client/index.ts';
import { toRequestError } from './errors.ts';
import type { Link } from './link.ts';
import { Loops, type Mode, type Prompt, type PromptCall } from './loops.ts';
import type { Outlet } from './outlet.ts';
import { Proposals } from './proposals.ts';
import { stopReason } from './stop-reason.ts';
import { Timeline } from './timeline.ts';

/** How long a cancelled prompt waits for its commands to be gone (milliseconds). */
const GONE_MS = 10_000;

/**
 * One session of an editor. It shows one run live until the session is closed, the work of other clients included, and queues the prompts
 * that the editor sends (SPEC {#acp_session}).
 */
export class EditorSession {
  readonly #run: RunName;
  readonly root: string;
  mode: Mode;
  model: string;
  /** The agent of others that drives the run: it has a model of its own. */
  readonly agent: string | undefined;
  readonly #outlet: Outlet;
  readonly #connect: () => Promise<Link>;
  readonly #loops: Loops;
  readonly #proposals: Proposals;
  readonly #timeline: Timeline;
  readonly #closed = new AbortController();
  #link: Link | undefined;
  #attaching: Promise<Link> | undefined;
  /** Number of the last event that was shown. */
  #since: number | undefined;
  #events: AsyncIterable<RuntimeEvent>;
  /** A question that the next message answers. */
  #question: { readonly path: string } | undefined;
  #isCancelling = false;
  /** Settles when the commands that a cancel ended are gone. */
  #gone: Promise<unknown> = Promise.resolve();

  /** @param options - `connect` opens another connection to the server once the first is closed for good */
  constructor(options: {
    outlet: Outlet;
    connect: () => Promise<Link>;
    link: Link;
    run: string;
    mode: Mode;
    model: string;
    agent: string | undefined;
  }) {
    const { outlet, run, link } = options;
    this.#run = new RunName(run);
    this.root = link.root;
    this.mode = options.mode;
    this.model = options.model;
    this.agent = options.agent;
    this.#outlet = outlet;
    this.#connect = options.connect;
    this.#link = link;
    this.#events = this.#listen(link);
    this.#loops = new Loops(this.#run);
    this.#proposals = new Proposals({
      outlet,
      run: this.#run,
      link: () => this.#attached(),
      inText: (path, question) => void this.#askInText(path, question).catch((error: unknown) => this.#fail(error)),
      dismissed: (path) => void this.#dismiss(path).catch((error: unknown) => this.#fail(error)),
    });
    this.#timeline = new Timeline({
      outlet,
      run: this.#run,
      root: link.root,
      proposals: this.#proposals,
      listener: {
        isOwn: (loop) => this.#loops.isOwn(loop),
        loopEnded: (loop, end) => this.#loops.ended(loop, end),
        trouble: (link, path, text) => this.#trouble(link, path, text),
        deleted: () => {
          this.#proposals.close();
          this.#fail(new Error(`run ${this.#run.now} was deleted`));
        },
      },
    });
  }

  get sessionId(): string {
    return this.#outlet.sessionId;
  }

  /** Shows the stored entries: all of the run, or only those that still run. `start` shows the events that come meanwhile. */
  async show(only: 'all' | 'live'): Promise<void> {
    await showHistory(await this.#attached(), this.#run.now, this.#timeline, only);
  }

  /** Shows the events from now on, and asks about the proposals that wait for an answer. */
  async start(): Promise<void> {
    const link = await this.#attached();
    this.#show(link);
    for (const proposal of await this.#run.ask((run) => link.runtime.look('getProposals', { run }))) await this.#timeline.propose(proposal);
  }

  /** Queues a prompt; resolves when everything that it caused has been shown (SPEC {#acp_prompt}). */
  async prompt(text: string, { signal, traceparent }: PromptCall): Promise<StopReason> {
    const cancel = () => void this.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const link = await this.#attached();
      const loop = await this.#begin(link, { text, traceparent });
      // This prompt waits for the proposals that the person dismissed, so they are shown again.
      for (const proposal of this.#proposals.takeDismissed()) await this.#timeline.propose(proposal);
      if (signal.aborted) cancel();
      const end = await this.#loops.end(loop);
      if (end === 'asked') return 'end_turn';
      if (end === 'dismissed') return 'cancelled';
      await this.#gone;
      return stopReason(end, this.#loops.takeWhy());
    } catch (error) {
      if (this.#isCancelling || signal.aborted) return 'cancelled';
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** True while a prompt waits for its answer. */
  get isBusy(): boolean {
    return this.#loops.waiting;
  }

  /** Uses another model for later turns. Throws -32602 for a model that does not exist. */
  async useModel(model: string): Promise<void> {
    const { runtime } = await this.#attached();
    await this.#run.ask(async (run) => await runtime.call('run/config', { run, model }));
    this.model = model;
  }

  /** Sends the editor an update about the session itself. */
  tell(update: SessionUpdate): Promise<void> {
    return this.#outlet.send(update);
  }

  /** Shows people a message that belongs to no prompt. */
  notice(text: string): Promise<void> {
    return this.#outlet.notice('warning', text);
  }

  /** Ends the loops that the prompts wait for, and their commands; then these prompts return `cancelled` (SPEC {#acp_cancel}). */
  async cancel(): Promise<void> {
    this.#isCancelling = true;
    const cancelled = this.#abort();
    this.#gone = cancelled.catch(() => {});
    try {
      await cancelled;
    } catch (error) {
      // Without a server nothing can be ended: the commands go on, but the prompt is over.
      this.#loops.fail(error);
    } finally {
      this.#isCancelling = false;
    }
  }

  /** Stops showing the run; its commands go on. */
  close(): void {
    this.#closed.abort();
    this.#outlet.close();
    this.#proposals.close();
    this.#timeline.calls.close();
    this.#loops.fail(new Error('the session was closed'));
  }

  /** Queues the prompt, or gives the answer that the agent waits for; returns the loop that works on it. */
  async #begin(link: Link, prompt: Prompt): Promise<number> {
    const question = this.#question;
    this.#question = undefined;
    if (!question || this.#timeline.calls.status(question.path) !== 'pending') return await this.#loops.begin(link, this.mode, prompt);
    const loop = await this.#loopOf(link, question.path);
    if (loop !== undefined) this.#loops.answered(loop);
    await this.#proposals.resolve(question.path, { action: 'accept', output: prompt.text });
    return loop ?? (await this.#loops.begin(link, this.mode, prompt));
  }

  async #askInText(path: string, question: Question): Promise<void> {
    this.#question = { path };
    const content = { type: 'text' as const, text: `\n\n${question.text}` };
    await this.#outlet.send({ sessionUpdate: 'agent_message_chunk', content, messageId: path });
    const loop = await this.#loopOf(await this.#attached(), path);
    if (loop !== undefined) this.#loops.asked(loop);
  }

  async #dismiss(path: string): Promise<void> {
    const loop = await this.#loopOf(await this.#attached(), path);
    // A cancel that is under way ends the prompts itself, once the commands that it ended are gone.
    if (loop !== undefined && !this.#isCancelling) await this.#loops.dismissed(loop);
  }

  /** The loop of the turn that a log entry belongs to. */
  async #loopOf(link: Link, path: string): Promise<number | undefined> {
    const { turns } = await this.#run.ask(async (run) => await link.runtime.look('getRun', { run }));
    return turns.find(({ turn }) => turn === turnOfPath(path))?.loop;
  }

  async #abort(): Promise<void> {
    const link = await this.#attached();
    const commands = await this.#loops.abort(link);
    const late = AbortSignal.timeout(GONE_MS);
    const shown = [this.#loops.settled(), ...commands.map((path) => this.#timeline.calls.over(path))];
    const isLate = deferred();
    late.addEventListener('abort', () => isLate.resolve(), { once: true });
    await Promise.race([Promise.all([...shown, this.#loops.gone(link, commands, late)]), isLate.promise]);
  }

  async #trouble(link: Link, path: string, text: string): Promise<boolean> {
    const loop = await this.#loopOf(link, path);
    if (loop === undefined || !(await this.#loops.isAwaited(loop))) return false;
    this.#loops.why = text;
    return true;
  }

  /** The connection, or a new one if that is closed for good. */
  async #attached(): Promise<Link> {
    if (this.#link?.alive) return this.#link;
    this.#attaching ??= this.#attach().finally(() => {
      this.#attaching = undefined;
    });
    return await this.#attaching;
  }

  async #attach(): Promise<Link> {
    const link = await this.#connect();
    this.#link = link;
    this.#timeline.calls.resume(link);
    this.#events = this.#listen(link);
    this.#show(link);
    return link;
  }

  /** Reads the events from now on, or from the last one that was shown. */
  #listen({ runtime }: Link): AsyncIterable<RuntimeEvent> {
    const { signal } = this.#closed;
    return runtime.events({ run: this.#run.now, signal, ...defined({ since: this.#since }) });
  }

  #show(link: Link): void {
    this.#showAll(link).catch((error: unknown) => this.#fail(error));
  }

  async #showAll(link: Link): Promise<void> {
    for await (const event of this.#events) {
      this.#run.take(event);
      await this.#timeline.handle(link, event);
      if ('seq' in event.params) this.#since = event.params.seq;
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed.signal.aborted) this.#loops.fail(toRequestError(error));
  }
}

/** Shows a run from the store: all of it, or with `live` only what still runs (SPEC {#acp_load}). */
async function showHistory(link: Link, run: string, timeline: Timeline, only: 'all' | 'live'): Promise<void> {
  const rows = await entriesOf(link.runtime, { run, body: false });
  const channels = channelsOf(rows);
  for (const row of rows) {
    if (only === 'live' && (isEnd(row.status) || !row.path.startsWith('log://'))) continue;
    await timeline.restore(link, row, channels.get(row.path) ?? new Map());
  }
}

/** The sizes of each command's channels, by its log entry. */
function channelsOf(rows: readonly Entry[]): Map<string, Map<number, number>> {
  const found = new Map<string, Map<number, number>>();
  for (const { path, attributes, bytes } of rows) {
    const { producer } = attributes;
    const channel = Number(/_(\d+)$/.exec(path)?.[1]);
    if (typeof producer !== 'string' || !Number.isInteger(channel)) continue;
    const known = found.get(producer) ?? new Map<number, number>();
    found.set(producer, known.set(channel, bytes));
  }
  return found;
}
